package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// listed is what the go command says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// source is a package to be mutated, with its types.
type source struct {
	layer string
	path  string
	fset  *token.FileSet
	files []*ast.File
	names []string // of files, absolute
	texts [][]byte
	info  *types.Info
	types types.Config
}

// goList runs "go list" in root.
func goList(ctx context.Context, root, tags string, args ...string) ([]listed, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles,DepOnly", "-tags", tags}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w: %s", err, stderr.Bytes())
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		packages = append(packages, p)
	}
}

// load parses and checks the packages in the folders given, in that order.
func load(ctx context.Context, root, tags string, layers []string) ([]*source, error) {
	args := []string{"-export", "-deps"}
	for _, l := range layers {
		args = append(args, "./"+l)
	}
	all, err := goList(ctx, root, tags, args...)
	if err != nil {
		return nil, err
	}
	exports, byDir := map[string]string{}, map[string]listed{}
	for _, p := range all {
		exports[p.ImportPath], byDir[p.Dir] = p.Export, p
	}
	var sources []*source
	for _, l := range layers {
		p, ok := byDir[filepath.Join(root, l)]
		if !ok || p.DepOnly {
			return nil, fmt.Errorf("load %s: the go command lists no such package", l)
		}
		s, err := parse(l, p, exports)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", l, err)
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func parse(layer string, p listed, exports map[string]string) (*source, error) {
	s := &source{layer: layer, path: p.ImportPath, fset: token.NewFileSet()}
	for _, name := range p.GoFiles {
		full := filepath.Join(p.Dir, name)
		text, err := os.ReadFile(full)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(s.fset, full, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.files, s.names, s.texts = append(s.files, f), append(s.names, full), append(s.texts, text)
	}
	s.types.Importer = importer.ForCompiler(s.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	s.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	if _, err := s.types.Check(s.path, s.fset, s.files, s.info); err != nil {
		return nil, err
	}
	return s, nil
}

// compiles says whether the package is one with file i changed to text. It asks
// the type checker, which is a hundred times as fast as the compiler.
func (s *source) compiles(i int, text []byte) bool {
	f, err := parser.ParseFile(s.fset, s.names[i], text, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	files := append([]*ast.File{}, s.files...)
	files[i] = f
	config := types.Config{Importer: s.types.Importer, Error: nil}
	_, err = config.Check(s.path, s.fset, files, nil)
	return err == nil
}
