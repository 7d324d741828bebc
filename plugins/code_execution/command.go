package code_execution

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ddc/internal/enclosure"
)

// outputLimit bounds what a program may write to its standard output and error
// together.
const outputLimit = 10 << 20

// command is a program to run, and how long it may take.
type command struct {
	wardens     *enclosure.Starter
	name        string // page and line, or what else a reader knows it by
	path        string
	args        []string
	folder      string
	environment []string // besides our own
	write       []string // folders that it may write to, besides its own
	network     bool
	limit       time.Duration // from its start on, without time in which we did not run
}

// outcome says how a program ended.
type outcome struct {
	code           int // exit status, -1 if it had none
	signal         string
	timedOut       bool
	running        []string // what ran when its time was over
	tooMuch        bool     // it wrote more than outputLimit
	nested         bool     // it started a build
	stdout, stderr string
	took           time.Duration
	warden         enclosure.Kind
}

func (e *outcome) well() bool { return e.code == 0 && !e.timedOut && !e.tooMuch && !e.nested }

// run runs the program to its end. It fails only for reasons outside the
// program: it could not be started, or ctx ended. Nothing that the program
// started is left when run returns, nor when this process dies; package
// enclosure ensures that.
func (c *command) run(ctx context.Context) (*outcome, error) {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	output := &output{left: outputLimit, exceeded: cancel}
	arguments := limited(c.path, c.args)
	ended, err := c.wardens.Run(bounded, enclosure.Program{
		Name: c.name, Path: "/bin/sh", Args: arguments, Folder: c.folder, Policy: c.policy(), Limit: c.limit,
		Environment: append(slices.DeleteFunc(os.Environ(), c.isNotFor), c.environment...),
	}, output.stream(&output.stdout), output.stream(&output.stderr))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(ended.Left) > 0 {
		slog.Warn("a code sample has left processes that cannot be ended", "sample", c.name, "processes", ended.Left)
	}
	e := &outcome{code: ended.Code, signal: ended.Signal, nested: ended.Nested, running: ended.Running, took: ended.Took, warden: ended.Kind}
	e.stdout, e.stderr, e.tooMuch = output.result()
	e.timedOut = ended.Stopped && !e.tooMuch
	return e, nil
}

// isNotFor picks the variables that the program must not get: those meant for
// this process only, and those that c.environment replaces. A program without
// the network does not get the variables for reaching the internet either, as
// they may hold a password.
func (c *command) isNotFor(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	isOurs := name == "GOMAXPROCS" || name == "GODEBUG" || strings.HasPrefix(name, "DDC_")
	isSetAnew := slices.ContainsFunc(c.environment, func(set string) bool { return strings.HasPrefix(set, name+"=") })
	return isOurs || isSetAnew || !c.network && (strings.HasSuffix(strings.ToLower(name), "_proxy") || strings.HasPrefix(name, "CARGO_HTTP_"))
}

// output collects what a program writes to its two streams, up to a limit for
// both together.
type output struct {
	mu             sync.Mutex
	stdout, stderr strings.Builder
	left           int
	over           bool
	exceeded       func() // called when the limit is reached
}

type stream struct {
	to *output
	in *strings.Builder
}

func (o *output) stream(in *strings.Builder) *stream { return &stream{to: o, in: in} }

// Write takes everything, since otherwise the program would get a broken pipe,
// but keeps no more than the limit.
func (s *stream) Write(p []byte) (int, error) {
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	kept := min(len(p), s.to.left)
	s.in.Write(p[:kept])
	s.to.left -= kept
	if kept < len(p) && !s.to.over {
		s.to.over = true
		s.to.exceeded()
	}
	return len(p), nil
}

// result is what was written, as valid UTF-8, since a message can hold nothing
// else.
func (o *output) result() (stdout, stderr string, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(o.stdout.String(), "\uFFFD"), strings.ToValidUTF8(o.stderr.String(), "\uFFFD"), o.over
}
