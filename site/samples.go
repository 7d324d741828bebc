package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/query"
	pb "ddc/plugins/code_execution/code_executionpb"
	"ddc/plugins/html/htmlpb"
	"ddc/site/config"
)

// Nested is the message about a sample that builds a site, this one or another.
const Nested = "this sample starts a build inside the build; mark it noexec"

// samples are those of a page that are to be run, if any are.
type samples struct{ list []*pb.Sample }

func (s *samples) code(c *coder) { messages(c, &s.list) }

// sample is a code sample that is to be run.
type sample struct {
	*pb.Sample
	language *pb.Language
	show     bool
}

// checked is what came of a page's code samples.
type checked struct {
	// verified has the samples that ran well, by their code.
	verified map[string]*htmlpb.BuildInfo
	wardens  map[string]int // the samples that were run, by what held them
	failed   Errors
	warnings []Problem
}

// code leaves out what held the samples: a page does not show it.
func (r *checked) code(c *coder) {
	dict(c, &r.verified, func(m **htmlpb.BuildInfo) {
		if c.reading {
			*m = &htmlpb.BuildInfo{}
		}
		c.message(*m)
	})
	failed := []Problem(r.failed)
	c.problems(&failed)
	r.failed = failed
	c.problems(&r.warnings)
}

// checks is a page's samples while they are run.
type checks struct {
	*bodyPhase
	page *page
	notes
	checked
}

// check runs the code samples of a page, in languages that the
// configuration has. A sample that fails is an error, or a warning if
// fail_on_error is off. A sample that runs well is marked as verified.
func (s *bodyPhase) check(ctx context.Context, ask *query.Ask, key string) (*checked, error) {
	if !s.cfg.CodeExecution.Enabled {
		return &checked{}, nil
	}
	if runs, err := s.runsSamples.Get(ctx, ask, ""); err != nil || !runs {
		return &checked{}, err
	}
	of, err := s.sampled.Get(ctx, ask, key)
	if err != nil || len(of.list) == 0 {
		return &checked{}, err
	}
	p, err := s.page(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	c := &checks{bodyPhase: s, page: p}
	var found []sample
	for _, s := range of.list {
		if language, ok := c.cfg.CodeExecution.Language(s.Language); ok {
			found = append(found, sample{s, c.language(language), language.ShowOutput})
		}
	}
	if len(found) > 0 {
		ask.Here() // the programs that run them are this machine's
	}
	err = beside(ctx, s.options.Jobs, found, c.execute)
	if err != nil && !errors.As(err, &c.failed) {
		return nil, err
	}
	c.checked.warnings = c.notes.warnings()
	if c.failed != nil || c.checked.warnings != nil {
		ask.Brief() // whether a program fails depends on more than the page
	}
	return &c.checked, nil
}

// extract lists the samples to run of a page.
func (s *bodyPhase) extract(ctx context.Context, ask *query.Ask, key string) (*samples, error) {
	p, err := s.page(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	of := &samples{}
	if !p.written || p.CodeExecution != nil && !*p.CodeExecution {
		return of, nil
	}
	source, err := s.texts.Get(ctx, ask, p.name)
	if err != nil || !mayHaveSamples(source, s.cfg.CodeExecution) {
		return of, err
	}
	answer, err := call(ctx, s.build, "code_execution", p.name, s.CodeExecution.Extract, &pb.ExtractRequest{SourcePath: p.name, Content: source})
	if err != nil {
		return nil, err
	}
	for _, one := range answer.Samples {
		if _, known := s.cfg.CodeExecution.Language(one.Language); known && one.Executable {
			of.list = append(of.list, one)
		}
	}
	return of, nil
}

// mayHaveSamples says whether a page may have code in a language that is run:
// its name stands in the line of some fence. Most pages so cost no call.
func mayHaveSamples(source string, run config.CodeExecution) bool {
	names := run.Names()
	for _, fence := range []string{"```", "~~~"} {
		for rest := source; ; {
			at := strings.Index(rest, fence)
			if at < 0 {
				break
			}
			var line string
			line, rest, _ = strings.Cut(rest[at+len(fence):], "\n")
			line = strings.ToLower(line)
			if slices.ContainsFunc(names, func(name string) bool { return strings.Contains(line, name) }) {
				return true
			}
		}
	}
	return false
}

func (b *build) language(l config.Language) *pb.Language {
	m := &pb.Language{Command: l.Command, Args: l.Args, Extension: l.Extension, PrepareCode: l.PrepareCode, AutoImports: l.AutoImports}
	for _, d := range b.cfg.CodeExecution.Dependencies {
		m.Dependencies = append(m.Dependencies, &pb.Dependency{Name: d.Name, Version: d.Version, Git: d.Git, Revision: d.Revision,
			Branch: d.Branch, Path: d.Path, Features: d.Features})
	}
	return m
}

func (c *checks) execute(ctx context.Context, s sample) error {
	answer, err := call(ctx, c.build, "code_execution", fmt.Sprintf("%s:%d", c.page.name, s.Line), c.CodeExecution.Execute,
		&pb.ExecuteRequest{Sample: s.Sample, Language: s.language, TimeoutMs: int32(c.cfg.CodeExecution.Timeout.Milliseconds()), CacheDir: c.cfg.CodeExecution.CacheDir})
	if err != nil {
		return err
	}
	c.noteWarden(answer)
	if s.show && answer.Stdout != "" {
		c.options.Log.Info("code sample printed", "file", c.page.name, "line", s.Line, "output", answer.Stdout)
	}
	switch answer.Outcome {
	case pb.ExecuteResponse_OUTCOME_SUCCESS:
		c.verify(s, answer)
		return nil
	case pb.ExecuteResponse_OUTCOME_SKIPPED:
		return nil
	case pb.ExecuteResponse_OUTCOME_TOOL_MISSING:
		c.warn(Problem{Message: fmt.Sprintf("code samples in %s were not run: %s", s.Language, cmp.Or(answer.Error, answer.MissingTool+" is not installed")),
			Hint: "install " + answer.MissingTool + ", or build with --no-code-exec"})
		return nil
	}
	if answer.Outcome == pb.ExecuteResponse_OUTCOME_NESTED { // also where failing samples are allowed: this one was not let run
		return Errors{Problem{File: c.page.name, Line: int(s.Line), Message: Nested}}
	}
	p := Problem{File: c.page.name, Line: int(s.Line), Message: "the code sample failed: " + cmp.Or(answer.Error, fmt.Sprintf("status %d", answer.ExitCode))}
	// If the compiler names the page, it also says where in it the fault is.
	if at := placeIn(p.File).FindStringSubmatch(answer.Stderr); at != nil {
		p.Line, _ = strconv.Atoi(at[1])
		p.Col, _ = strconv.Atoi(at[2])
	}
	if said := strings.TrimRight(answer.Stderr, "\n"); said != "" {
		p.Message += "\n" + said
	}
	if c.cfg.CodeExecution.FailOnError {
		p.Hint = fmt.Sprintf("correct the sample, or mark it as ```%s,noexec", s.Language)
		return Errors{p}
	}
	c.warn(p)
	return nil
}

// noteWarden counts what held a sample.
func (c *checks) noteWarden(answer *pb.ExecuteResponse) {
	warden := answer.Warden
	if answer.Cached {
		warden = "cached"
	}
	if warden == "" { // nothing was run
		return
	}
	c.notes.mu.Lock()
	defer c.notes.mu.Unlock()
	if c.wardens == nil {
		c.wardens = map[string]int{}
	}
	c.wardens[warden]++
}

func placeIn(file string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(file) + `:(\d+):(\d+)`)
}

// verify notes what a sample was verified with. How long it took is left out:
// it would make every build's bytes differ.
func (c *checks) verify(s sample, answer *pb.ExecuteResponse) {
	c.notes.mu.Lock()
	defer c.notes.mu.Unlock()
	if c.verified == nil {
		c.verified = map[string]*htmlpb.BuildInfo{}
	}
	c.verified[s.Code] = &htmlpb.BuildInfo{Compiler: s.language.Command, Version: answer.ToolVersion, Platform: runtime.GOOS + "/" + runtime.GOARCH}
}
