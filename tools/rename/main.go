// Command rename gives this module another path, everywhere:
//
//	go run ./tools/rename example.org/x/ddc
//
// It changes the files that git keeps, in the folder that it is run in: imports
// and every other place where a package is called by its path, the modules
// below, and the descriptors in generated stubs, which have lengths. Run gofmt
// afterwards: imports are sorted by path.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: rename MODULE, for example example.org/x/ddc")
		os.Exit(2)
	}
	changed, err := rename(".", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
	fmt.Printf("%d files call the module %s now\n", changed, os.Args[1])
}

// rename changes the module below root to the path to, and counts the files
// that it changed. All are read before the first is written.
func rename(root, to string) (int, error) {
	if !modulePaths.MatchString(to) {
		return 0, fmt.Errorf("%q is no path for a module: its first part is a host with a dot, as in example.org/x/ddc", to)
	}
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return 0, fmt.Errorf("list the files that git keeps: %w", err)
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return 0, err
	}
	defer folder.Close()
	files := strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00")
	from, err := modulePath(folder)
	if err != nil {
		return 0, err
	}
	p := newPaths(from, to, files)
	changed := map[string][]byte{}
	for _, name := range files {
		text, err := folder.ReadFile(name)
		if err != nil {
			return 0, fmt.Errorf("%s: %w (has it been removed, and not from git?)", name, err)
		}
		renamed, err := p.in(name, text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if !bytes.Equal(text, renamed) {
			changed[name] = renamed
		}
	}
	for name, text := range changed {
		if err := folder.WriteFile(name, text, 0o666); err != nil { // keeps the mode it has
			return 0, err
		}
	}
	return len(changed), nil
}

var modulePaths = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

func modulePath(folder *os.Root) (string, error) {
	text, err := folder.ReadFile("go.mod")
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("go.mod names no module")
	}
	return string(m[1]), nil
}

// paths are the places in texts that call a package of the module by its path.
type paths struct {
	from, to string
	called   *regexp.Regexp // in any text
	module   *regexp.Regexp // in a go.mod
}

func newPaths(from, to string, files []string) *paths {
	var folders []string
	for _, name := range files {
		if folder, _, below := strings.Cut(name, "/"); below && !slices.Contains(folders, folder) {
			folders = append(folders, regexp.QuoteMeta(folder))
		}
	}
	old := regexp.QuoteMeta(from)
	return &paths{from: from, to: to,
		// What stands before is no part of a path: cmd/ddc/main.go is a file.
		// In a literal it may be the end of a line.
		called: regexp.MustCompile(`(^|[^\w./-]|\\n)` + old + `(/(?:` + strings.Join(folders, "|") + `)\b|/"|/\.\.\.)`),
		module: regexp.MustCompile(`(?m)^(module |replace |require |\t)` + old + `( |$)`),
	}
}

func (p *paths) in(name string, text []byte) (_ []byte, err error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return text, nil // no text
	}
	if strings.HasSuffix(name, "go.mod") {
		text = p.module.ReplaceAll(text, []byte("${1}"+p.to+"${2}"))
	}
	if strings.HasSuffix(name, ".pb.go") && !strings.HasSuffix(name, "_grpc.pb.go") {
		if text, err = p.inStub(text); err != nil {
			return nil, err
		}
	}
	return p.called.ReplaceAll(text, []byte("${1}"+p.to+"${2}")), nil
}
