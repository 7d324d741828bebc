package code_execution

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ddc/internal/enclosure"
	"ddc/internal/heir"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// defaultTimeout is a sample's time if the request sets none.
const defaultTimeout = 30 * time.Second

// rustFile is the program in a cargo project.
const rustFile = "src/main.rs"

// program is a sample made ready to run.
type program struct {
	wardens   *enclosure.Starter
	sample    *pb.Sample
	tool      installed
	args      []string
	extension string
	source    string           // text of the program
	crates    []*pb.Dependency // that it names
	isCargo   bool
	key       string // of its result
	cache     *cache // nil where none is kept
}

func (s *Service) execute(ctx context.Context, req *pb.ExecuteRequest) (*pb.ExecuteResponse, error) {
	wardens, err := s.wardens()
	if err != nil {
		return nil, err
	}
	found, missing, err := s.versions.find(ctx, wardens, req.GetLanguage().GetCommand())
	if err != nil {
		return nil, err
	}
	if missing != nil {
		return missing, nil
	}
	p, err := prepare(req, found)
	if err != nil {
		return nil, refuse(req.GetSample(), err.Error())
	}
	p.wardens = wardens
	if response := p.cache.load(p.key); response != nil {
		return response, nil
	}
	through := s.others
	if p.isCargo {
		through = s.cargo
	}
	if err := through.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer through.Release(1)
	if response := p.cache.load(p.key); response != nil { // the same sample may have run while we waited
		return response, nil
	}
	response, err := p.run(ctx, timeout(req.GetTimeoutMs()))
	if err != nil {
		return nil, err
	}
	if response.GetOutcome() == pb.ExecuteResponse_OUTCOME_SUCCESS && p.repeatable() {
		if err := p.cache.store(p.key, response); err != nil {
			return nil, err
		}
	}
	return response, nil
}

func timeout(milliseconds int32) time.Duration {
	if milliseconds <= 0 {
		return defaultTimeout
	}
	return time.Duration(milliseconds) * time.Millisecond
}

func prepare(req *pb.ExecuteRequest, found installed) (*program, error) {
	sample, language := req.GetSample(), req.GetLanguage()
	p := &program{sample: sample, tool: found, args: language.GetArgs(), extension: language.GetExtension(), isCargo: filepath.Base(language.GetCommand()) == "cargo"}
	var err error
	switch {
	case isRust(sample.GetLanguage()) || p.isCargo:
		if p.source, err = rustProgram(sample, language); err != nil {
			return nil, err
		}
	case language.GetPrepareCode() && len(language.GetAutoImports()) > 0:
		p.source = strings.Join(language.GetAutoImports(), "\n") + "\n" + sample.GetCode()
	default:
		p.source = sample.GetCode()
	}
	if p.isCargo {
		p.crates = namedDependencies(p.source, language.GetDependencies())
	}
	if p.key, err = cacheKey(sample, language, p.crates, found); err != nil {
		return nil, err
	}
	if p.cache, err = openCache(req.GetCacheDir()); err != nil {
		return nil, err
	}
	return p, nil
}

// repeatable reports whether the key covers all that the result depends on. A
// dependency in a folder may change, and a branch moves.
func (p *program) repeatable() bool {
	for _, d := range p.crates {
		if d.GetPath() != "" || d.GetGit() != "" && d.GetRevision() == "" {
			return false
		}
	}
	return true
}

// run puts the program into a folder and runs it there.
func (p *program) run(ctx context.Context, limit time.Duration) (*pb.ExecuteResponse, error) {
	folder, remove, err := p.cache.folder(p.key, p.isCargo)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the sample: %w", err)
	}
	response, err := p.runIn(ctx, folder, limit)
	return response, errors.Join(err, remove())
}

func (p *program) runIn(ctx context.Context, folder string, limit time.Duration) (*pb.ExecuteResponse, error) {
	c := command{wardens: p.wardens, name: p.place(), path: p.tool.path, args: p.args, folder: folder, limit: limit}
	var names *strings.Replacer // a program's messages name the file as we called it; the reader knows it as the page
	var err error
	if p.isCargo {
		names, err = p.cargoProject(&c)
	} else {
		names, err = p.singleFile(&c)
	}
	if err != nil {
		return nil, err
	}
	ended, err := p.fetch(ctx, c.folder)
	if err == nil && ended.well() {
		ended, err = c.run(ctx)
	}
	if err != nil {
		return nil, err
	}
	ended.stderr = names.Replace(ended.stderr)
	return p.judge(ended, limit), nil
}

// place is where the sample stands in the site.
func (p *program) place() string {
	return fmt.Sprintf("%s:%d", p.sample.GetSourcePath(), p.sample.GetLine())
}

// cargoProject writes a project for the program and tells cargo how to build
// it.
func (p *program) cargoProject(c *command) (*strings.Replacer, error) {
	binaryName := "sample-" + p.key[:16]
	text, err := cargoToml(binaryName, p.crates)
	if err != nil {
		return nil, fmt.Errorf("write Cargo.toml: %w", err)
	}
	target, err := p.cache.target(c.folder) // made here: what is not there can't be allowed
	if err != nil {
		return nil, fmt.Errorf("make cargo's target folder: %w", err)
	}
	home, err := p.home(c.folder)
	if err != nil {
		return nil, err
	}
	c.write = []string{target}
	c.environment = []string{"CARGO_HOME=" + home, "CARGO_TARGET_DIR=" + target, "CARGO_TERM_COLOR=never", "CARGO_INCREMENTAL=0", "CARGO_NET_OFFLINE=true"}
	return strings.NewReplacer(rustFile, p.sample.GetSourcePath(), binaryName, "sample"),
		errors.Join(temporary(c), writeFile(c.folder, "Cargo.toml", string(text)), writeFile(c.folder, rustFile, p.source))
}

// singleFile writes the program to a file, and adds the file to the command's
// arguments. It does not move the code to the page's lines, since blank lines
// may mean something in other languages. So the page's line is given with the
// file's name.
func (p *program) singleFile(c *command) (*strings.Replacer, error) {
	name := "sample"
	if p.extension != "" {
		name += "." + strings.TrimPrefix(p.extension, ".")
	}
	file := filepath.Join(c.folder, name)
	c.args = append(slices.Clip(c.args), file)
	shown := p.sample.GetSourcePath()
	if !isRust(p.sample.GetLanguage()) {
		shown = fmt.Sprintf("%s (sample at line %d)", shown, p.sample.GetLine())
	}
	return strings.NewReplacer(file, shown), errors.Join(temporary(c), writeFile(c.folder, name, p.source))
}

// temporary gives a program a temporary folder within its own folder.
func temporary(c *command) error {
	folder := filepath.Join(c.folder, "tmp")
	c.environment = append(c.environment, "TMPDIR="+folder, "XDG_CACHE_HOME="+folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	return nil
}

// writeFile writes a file in folder, unless it is there already with that text:
// cargo goes by a file's time. A program that ran in the folder before may have
// left anything there. So a link that leads out is refused, and anything that
// is no file is replaced.
func writeFile(folder, name, content string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	defer root.Close()
	if info, err := root.Lstat(name); err == nil && info.Mode().IsRegular() && info.Size() == int64(len(content)) {
		if old, err := root.ReadFile(name); err == nil && string(old) == content {
			return nil
		}
	}
	err = root.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = heir.RemoveIn(root, name)
	}
	if err == nil {
		err = root.WriteFile(name, []byte(content), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return nil
}
