package tool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"ddc/internal/forker"
	"ddc/internal/proc"
	"ddc/internal/sys"
)

const (
	// grace is how long a program may take to end when its input has. A program
	// that was killed may keep its pipes as long, through children that left
	// its group.
	grace = 2 * time.Second
	// patience is how long the pipes of a program that ended by itself may stay
	// open. On a busy machine its last words are read late: that is no failure
	// of it.
	patience = time.Minute
)

// said bounds how much of a program's standard error an error repeats. The end
// is kept, where programs say why they gave up.
const said = 2000

// A Command is a program to run.
type Command struct {
	Program Program
	Args    []string
	// Input is what Run gives on standard input: a file in memory, for some of
	// the programs insist on seeking.
	Input []byte
	// Folder is the working directory; empty means ours.
	Folder string
}

// A Failure is a program that ran and said no.
type Failure struct {
	Tool string
	// Message is what it wrote to standard error, its end at least.
	Message string
	// Err says how it ended, usually an *exec.ExitError. It has ErrMemory where
	// memory ran out.
	Err error
}

func (f *Failure) Error() string {
	if f.Message == "" {
		return fmt.Sprintf("%s: %v", f.Tool, f.Err)
	}
	return fmt.Sprintf("%s: %v: %s", f.Tool, f.Err, f.Message)
}

func (f *Failure) Unwrap() error { return f.Err }

// Run runs the program to its end and returns what it wrote to standard output.
// It fails with ErrMissing, the context's error, or a *Failure.
func (c Command) Run(ctx context.Context) ([]byte, error) {
	cmd, begun, err := c.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if len(c.Input) > 0 {
		file, err := inMemory(c.Input)
		if err != nil {
			return nil, fmt.Errorf("input for %s: %w", c.Program.Name, err)
		}
		defer file.Close()
		cmd.Stdin = file
	}
	var output bytes.Buffer
	cmd.Stdout = &output
	if err := c.explain(ctx, forker.Run(cmd), begun); err != nil {
		return nil, err
	}
	return output.Bytes(), nil
}

// inMemory makes a nameless file of data, to be read from its beginning.
func inMemory(data []byte) (*os.File, error) {
	file, err := sys.Memfd("ddc tool input", int64(len(data)))
	if err != nil {
		return nil, err
	}
	if _, err := file.WriteAt(data, 0); err != nil {
		file.Close()
		return nil, fmt.Errorf("write memfd: %w", err)
	}
	return file, nil
}

// A Process is a program to talk with. In and Out are its standard input and
// output. Its caller must call Close.
type Process struct {
	In  io.WriteCloser
	Out io.Reader

	command Command
	ctx     context.Context // the caller's
	kill    context.CancelFunc
	begun   *begun
	out     *os.File
	ended   chan error
}

// Start starts the program and returns when it runs. It is killed when ctx
// ends.
func (c Command) Start(ctx context.Context) (*Process, error) {
	running, kill := context.WithCancel(ctx)
	p := &Process{command: c, ctx: ctx, kill: kill, ended: make(chan error, 1)}
	if err := p.start(running); err != nil {
		kill()
		return nil, err
	}
	return p, nil
}

func (p *Process) start(running context.Context) error {
	cmd, begun, err := p.command.prepare(running)
	if err != nil {
		return err
	}
	p.begun = begun
	if p.In, err = cmd.StdinPipe(); err != nil {
		return fmt.Errorf("start %s: %w", p.command.Program.Name, err)
	}
	// Not a StdoutPipe: waiting for the end, which begins at once, closes that
	// before everything is read.
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.command.Program.Name, err)
	}
	defer write.Close()
	cmd.Stdout = write
	thread := forker.New(nil)
	if err := thread.Start(cmd); err != nil {
		thread.Close()
		read.Close()
		return fmt.Errorf("start %s: %w", p.command.Program.Name, err)
	}
	go func() {
		err := cmd.Wait()
		thread.Close()
		p.ended <- err
	}()
	p.Out, p.out = read, read
	return nil
}

// Close closes the program's input and returns how it ended, like Run. If it
// does not end within two seconds it is killed, which is no error: who closes
// wants nothing more of it, and on a busy machine a program may be slow to end.
// What it still writes is lost.
func (p *Process) Close() error {
	defer p.kill()
	p.In.Close()
	p.out.Close()
	select {
	case err := <-p.ended:
		return p.command.explain(p.ctx, err, p.begun)
	case <-time.After(grace):
	}
	p.kill()
	<-p.ended
	if err := p.ctx.Err(); err != nil {
		return p.command.explain(p.ctx, err, p.begun)
	}
	return nil
}

// begun is what is known of a program that was started, to explain its end.
type begun struct {
	stderr tail
	kills  int64 // of processes for want of memory, until then
}

func (c Command) prepare(ctx context.Context) (*exec.Cmd, *begun, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	path, err := c.Program.Find()
	if err != nil {
		return nil, nil, err
	}
	CloseOnExec()
	b := &begun{kills: proc.OutOfMemoryKills()}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Dir = cmp.Or(c.Folder, Folder())
	cmd.Stderr = &b.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = patience
	cmd.Cancel = func() error {
		cmd.WaitDelay = grace // Wait reads it after Cancel has returned
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return cmd, b, nil
}

// explain makes an error that names the program out of how it ended.
func (c Command) explain(ctx context.Context, err error, b *begun) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped: %w", c.Program.Name, ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if proc.MemoryRanOut(exit.ProcessState, b.kills) {
			err = fmt.Errorf("%w: %w", err, ErrMemory)
		}
		return &Failure{Tool: c.Program.Name, Message: b.stderr.String(), Err: err}
	}
	return fmt.Errorf("run %s: %w", c.Program.Name, err)
}

// CloseOnExec keeps every descriptor of this process but the first three from
// being inherited. Those that Go opens never are; those that this process
// inherited itself would be. Run and Start call it; it is for programs that
// somebody else starts.
func CloseOnExec() {
	numbers, err := proc.DescriptorNumbers(proc.Self)
	if err != nil {
		return // without /proc there is no list; programs then inherit what we did
	}
	for _, number := range numbers {
		if number > 2 {
			syscall.CloseOnExec(number)
		}
	}
}

// A tail keeps the end of what is written to it. It is read after the writing
// has ended.
type tail struct{ end []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.end = append(t.end, p...)
	if extra := len(t.end) - said; extra > 0 {
		t.end = append(t.end[:0], t.end[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.ToValidUTF8(strings.TrimSpace(string(t.end)), "?") }
