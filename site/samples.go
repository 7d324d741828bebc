package site

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	pb "ddc/plugins/code_execution/code_executionpb"
	"ddc/plugins/html/htmlpb"
	"ddc/site/config"
)

// Nested is the message about a sample that builds a site, this one or another.
const Nested = "this sample starts a build inside the build; mark it noexec"

// sample is a code sample that is to be run.
type sample struct {
	*pb.Sample
	page     *page
	language *pb.Language
	show     bool
}

// samples runs the code samples of all pages, in languages that the
// configuration has. A sample that fails is an error, or a warning if
// fail_on_error is off. A sample that runs well is marked as verified.
func (b *build) samples(ctx context.Context) error {
	if b.options.NoCodeExec || !b.cfg.CodeExecution.Enabled {
		return nil
	}
	found := make([][]sample, len(b.pages))
	err := eachIndex(ctx, b, len(b.pages), func(ctx context.Context, i int) (err error) {
		found[i], err = b.extract(ctx, b.pages[i])
		return err
	})
	if err != nil {
		return err
	}
	var all []sample
	for _, some := range found {
		all = append(all, some...)
	}
	return each(ctx, b, all, b.execute)
}

// extract lists the samples to run of a page. A page that was only read in part
// is not asked: its fault is known already.
func (b *build) extract(ctx context.Context, p *page) ([]sample, error) {
	if p.source == "" || p.front.CodeExecution != nil && !*p.front.CodeExecution {
		return nil, nil
	}
	answer, err := call(ctx, b, "code_execution", p.file.Name, b.CodeExecution.Extract,
		&pb.ExtractRequest{SourcePath: p.file.Name, Content: p.source})
	if err != nil {
		return nil, err
	}
	var found []sample
	for _, s := range answer.Samples {
		if language, ok := b.cfg.CodeExecution.Language(s.Language); ok && s.Executable {
			found = append(found, sample{s, p, b.language(language), language.ShowOutput})
		}
	}
	return found, nil
}

func (b *build) language(l config.Language) *pb.Language {
	m := &pb.Language{Command: l.Command, Args: l.Args, Extension: l.Extension, PrepareCode: l.PrepareCode, AutoImports: l.AutoImports}
	for _, d := range b.cfg.CodeExecution.Dependencies {
		m.Dependencies = append(m.Dependencies, &pb.Dependency{Name: d.Name, Version: d.Version, Git: d.Git, Revision: d.Revision,
			Branch: d.Branch, Path: d.Path, Features: d.Features})
	}
	return m
}

func (b *build) execute(ctx context.Context, s sample) error {
	answer, err := call(ctx, b, "code_execution", fmt.Sprintf("%s:%d", s.page.file.Name, s.Line), b.CodeExecution.Execute,
		&pb.ExecuteRequest{Sample: s.Sample, Language: s.language, TimeoutMs: int32(b.cfg.CodeExecution.Timeout.Milliseconds()), CacheDir: b.cfg.CodeExecution.CacheDir})
	if err != nil {
		return err
	}
	b.noteWarden(answer)
	if s.show && answer.Stdout != "" {
		b.options.Log.Info("code sample printed", "file", s.page.file.Name, "line", s.Line, "output", answer.Stdout)
	}
	switch answer.Outcome {
	case pb.ExecuteResponse_OUTCOME_SUCCESS:
		b.verify(s, answer)
		return nil
	case pb.ExecuteResponse_OUTCOME_SKIPPED:
		return nil
	case pb.ExecuteResponse_OUTCOME_TOOL_MISSING:
		b.warn(Problem{Message: fmt.Sprintf("code samples in %s were not run: %s", s.Language, cmp.Or(answer.Error, answer.MissingTool+" is not installed")),
			Hint: "install " + answer.MissingTool + ", or build with --no-code-exec"})
		return nil
	}
	if answer.Outcome == pb.ExecuteResponse_OUTCOME_NESTED { // also where failing samples are allowed: this one was not let run
		return Errors{Problem{File: s.page.file.Name, Line: int(s.Line), Message: Nested}}
	}
	p := Problem{File: s.page.file.Name, Line: int(s.Line), Message: "the code sample failed: " + cmp.Or(answer.Error, fmt.Sprintf("status %d", answer.ExitCode))}
	// If the compiler names the page, it also says where in it the fault is.
	if at := placeIn(p.File).FindStringSubmatch(answer.Stderr); at != nil {
		p.Line, _ = strconv.Atoi(at[1])
		p.Col, _ = strconv.Atoi(at[2])
	}
	if said := strings.TrimRight(answer.Stderr, "\n"); said != "" {
		p.Message += "\n" + said
	}
	if b.cfg.CodeExecution.FailOnError {
		p.Hint = fmt.Sprintf("correct the sample, or mark it as ```%s,noexec", s.Language)
		return Errors{p}
	}
	b.warn(p)
	return nil
}

// noteWarden counts what held a sample.
func (b *build) noteWarden(answer *pb.ExecuteResponse) {
	warden := answer.Warden
	if answer.Cached {
		warden = "cached"
	}
	if warden == "" { // nothing was run
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wardens == nil {
		b.wardens = map[string]int{}
	}
	b.wardens[warden]++
}

func placeIn(file string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(file) + `:(\d+):(\d+)`)
}

// verify notes what a sample was verified with. How long it took is left out: it
// would make every build's bytes differ.
func (b *build) verify(s sample, answer *pb.ExecuteResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.page.verified == nil {
		s.page.verified = map[string]*htmlpb.BuildInfo{}
	}
	s.page.verified[s.Code] = &htmlpb.BuildInfo{Compiler: s.language.Command, Version: answer.ToolVersion, Platform: runtime.GOOS + "/" + runtime.GOARCH}
}
