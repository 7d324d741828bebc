package code_execution

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"ddc/internal/sandbox"
	"ddc/internal/tool"
)

const (
	// outputLimit bounds what a program may write to its standard output and error together.
	outputLimit = 10 << 20
	// pipesAfterDeath is how long a program's pipes are read after its end, for children that left its group and hold them.
	pipesAfterDeath = time.Second
)

// command is a program to run and how long it may.
type command struct {
	path        string
	args        []string
	folder      string
	environment []string // besides our own
	write       []string // folders that it may write to, besides its own
	network     bool
	limit       time.Duration
}

// ending is how a program came to its end.
type ending struct {
	code           int // exit status, -1 if it had none
	signal         string
	timedOut       bool
	tooMuch        bool // it wrote more than outputLimit
	stdout, stderr string
	took           time.Duration
}

func (e *ending) well() bool { return e.code == 0 && !e.timedOut && !e.tooMuch }

// run runs the program to its end. Only what the program did not cause is an error: it could not be started, or ctx ended.
//
// The program's process group is led by a watcher, a shell that waits for the end of its standard input, to which nobody writes. If
// this process dies, whichever way, the kernel closes the pipe and the watcher kills the group. (A parent-death signal reaches the
// program alone, not the compiler or the sample that it started; and while the watcher lives, no other group can have its number.)
func (c *command) run(ctx context.Context) (*ending, error) {
	tool.CloseOnExec()
	// Not on the confined thread, whose like may not signal the watcher: so what is watched can't kill it first.
	group, release, err := watcher()
	if err != nil {
		return nil, fmt.Errorf("start the watcher of %s: %w", c.path, err)
	}
	defer release()
	timed, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	type outcome struct {
		ended *ending
		err   error
	}
	done := make(chan outcome, 1)
	// On a thread of its own, which is confined as the program is. The parent that the death signal goes by is the thread that
	// forked, so it must live as long as the child.
	go sandbox.OnThread(func() {
		ended, err := c.runWatched(timed, group, cancel)
		done <- outcome{ended, err}
	})
	result := <-done
	if result.err != nil {
		return nil, result.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return result.ended, nil
}

func (c *command) runWatched(ctx context.Context, group int, cancel context.CancelFunc) (*ending, error) {
	if err := c.confine(); err != nil {
		return nil, err
	}
	output := &output{left: outputLimit, exceeded: cancel}
	cmd := exec.CommandContext(ctx, "/bin/sh", limited(c.path, c.args)...)
	cmd.Dir = c.folder
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isOurs), c.environment...)
	cmd.Stdout, cmd.Stderr = output.stream(&output.stdout), output.stream(&output.stderr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-group, syscall.SIGKILL) }
	cmd.WaitDelay = pipesAfterDeath
	start := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil && ctx.Err() != nil { // its time was over before it began
		return &ending{code: -1, timedOut: true}, nil
	}
	if cmd.ProcessState == nil {
		return nil, fmt.Errorf("start %s: %w", c.path, err)
	}
	ended := &ending{code: cmd.ProcessState.ExitCode(), took: time.Since(start)}
	ended.stdout, ended.stderr, ended.tooMuch = output.result()
	if killed, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && killed.Signaled() {
		ended.signal = killed.Signal().String()
	}
	ended.timedOut = !ended.tooMuch && ended.code != 0 && errors.Is(ctx.Err(), context.DeadlineExceeded)
	return ended, nil
}

// isOurs picks what is meant for this process only.
func isOurs(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == "GOMAXPROCS" || name == "GODEBUG" || strings.HasPrefix(name, "DDC_")
}

// watcher starts a process group led by a process that kills it when this one dies. Release kills all that is in it.
func watcher() (group int, release func(), err error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	defer ours.Close()
	cmd := exec.Command("/bin/sh", "-c", "read line; kill -KILL 0")
	cmd.Stdin = ours
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		theirs.Close()
		return 0, nil, err
	}
	return cmd.Process.Pid, func() {
		// Killing is the point: neither failing to kill what is gone nor how the watcher ended says anything.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		theirs.Close()
	}, nil
}

// output collects what a program writes to two streams, up to a limit for both.
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

// Write takes everything, so that the program does not get a broken pipe for an answer, but keeps no more than the limit.
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

// result is what was written, as valid UTF-8, which is what a message can hold.
func (o *output) result() (stdout, stderr string, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(o.stdout.String(), "\uFFFD"), strings.ToValidUTF8(o.stderr.String(), "\uFFFD"), o.over
}
