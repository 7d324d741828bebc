// Package enclosure runs a program that nobody vouches for, so that everything
// it starts ends with it.
//
//	ended, err := enclosure.Local().Run(ctx, enclosure.Program{Path: "/bin/sh", Args: args, Folder: folder}, stdout, stderr)
//
// Between this process and the program stands a warden, a process of this same
// executable. It starts the program, waits for it, ends all that is left, and
// only then says how the program ended:
//
//	caller --control, stdout, stderr--> warden --> program --> whatever it starts
//
// What holds the program's children, whether they make a session of their own,
// fork twice or close their files:
//
//	pid namespace   the warden is its first process. Nothing leaves it, one kill strikes
//	                all, and the kernel ends it with the warden
//	subreaper       where the kernel grants no namespace: every orphan becomes the warden's
//	                child, which ends its children until it has none. Something that forks
//	                without pause may outrun that; it is then named in Outcome.Left
//
// A warden ends with its caller: control is a socket that only the caller
// holds, and the kernel sends a death signal when the thread that started it
// ends.
//
// In its namespaces a warden has a /proc of its own, which shows the program
// and its children alone. No process under Landlock may mount, so a confined
// process asks its host to start wardens: Serve in the host, Inherited in the
// other.
//
// A run costs one start of this executable: 7 ms of processor time besides the
// program's own, 12 for a subreaper, which looks through /proc.
package enclosure

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"ddc/internal/absence"
	"ddc/internal/sandbox"
)

// Program is what to run.
type Program struct {
	// Name is what the program is called: the page and line of a sample. See
	// Within.
	Name        string
	Path        string
	Args        []string
	Folder      string // to run in
	Environment []string
	// Limit, if not 0, is how long it may run from its start on. Time in which
	// this process did not run does not count.
	Limit time.Duration `json:"-"`
	// Policy, if not nil, is all that is left to the program.
	Policy *sandbox.Policy
}

// Kind is how a warden holds its program, for people to read.
type Kind string

// The kinds of wardens, the best first.
const (
	Alone     Kind = "pid namespace with its own /proc"
	Namespace Kind = "pid namespace"
	Subreaper Kind = "subreaper"
)

// Outcome is how a program came to its end.
type Outcome struct {
	Code   int    `json:"code"` // exit status, -1 if it had none
	Signal string `json:"signal,omitempty"`
	Took   time.Duration
	// Stopped says that ctx or Limit ended first. Running are then the programs
	// that ran at that moment.
	Stopped bool
	Running []string `json:"running,omitempty"`
	// Left are processes that could not be ended.
	Left []string `json:"left,omitempty"`
	// Nested says that the program tried what Within forbids.
	Nested bool `json:"nested,omitempty"`
	// Kind is of its warden.
	Kind  Kind   `json:"kind"`
	Error string `json:"error,omitempty"` // why it did not start
}

const (
	// endTime is how long a warden may take to end what is left, and answerTime
	// how long its caller waits for that. A warden whose program forks without
	// end is one of hundreds that want a processor.
	endTime    = 5 * time.Second
	answerTime = 12 * endTime
	// mostProcesses bounds what a program starts where the kernel can: root,
	// whom no limit of users holds, could else keep all others from running.
	mostProcesses = 1024
	// pipesAfterEnd is how long output is read once all has ended, or could not
	// be ended.
	pipesAfterEnd = time.Second
	// begun is what a warden says when it has started the program, and stop
	// what it hears.
	begun, stop = "\n", "\n"
	// answerLimit and requestLimit bound what either end reads from control.
	answerLimit  = 64 << 10
	requestLimit = 8 << 20
)

// Run runs p until it has ended, with all that it started. When ctx or p.Limit
// ends before, that is an Outcome, and no error: an error says that the program
// could not be tried.
func (s *Starter) Run(ctx context.Context, p Program, stdout, stderr io.Writer) (_ *Outcome, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("run %s: %w", p.Path, err)
		}
	}()
	control, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer control.Close()
	out, err := collect(stdout, stderr)
	if err != nil {
		return nil, errors.Join(err, theirs.Close())
	}
	defer out.close()
	started := time.Now()
	err = s.start(warden{name: p.Name, folder: p.Folder, asker: os.Getpid(), control: theirs, stdout: out.write[0], stderr: out.write[1]})
	if err = errors.Join(err, theirs.Close(), out.started()); err != nil {
		return nil, fmt.Errorf("start its warden: %w", err)
	}
	if err := json.NewEncoder(control).Encode(p); err != nil {
		return nil, fmt.Errorf("tell its warden: %w", err)
	}
	ended, err := hear(ctx, control, p.Limit)
	if err != nil {
		return nil, err
	}
	ended.Took = time.Since(started)
	out.finish()
	return ended, nil
}

// hear waits for the warden's answer. When ctx or the limit ends it tells the
// warden to stop.
func hear(ctx context.Context, control net.Conn, limit time.Duration) (*Outcome, error) {
	p := patience{control: control}
	defer p.end()
	defer context.AfterFunc(ctx, p.stop)()
	answers := bufio.NewReader(io.LimitReader(control, answerLimit))
	line, err := answers.ReadBytes('\n')
	if err == nil && string(line) == begun {
		if limit > 0 {
			p.after(limit, p.stop)
		}
		line, err = answers.ReadBytes('\n')
	}
	if err != nil {
		return nil, fmt.Errorf("its warden ended without a word: %w", err)
	}
	ended := &Outcome{}
	if err := json.Unmarshal(line, ended); err != nil {
		return nil, fmt.Errorf("its warden's answer: %w", err)
	}
	if ended.Error != "" {
		return nil, errors.New(ended.Error)
	}
	return ended, nil
}

// patience bounds a wait for a warden.
type patience struct {
	control net.Conn

	mu     sync.Mutex
	ended  bool
	limits []*absence.Limit
}

// after calls f later, unless the wait has ended by then.
func (p *patience) after(d time.Duration, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.limits = append(p.limits, absence.After(d, f))
	}
}

// stop tells the warden to stop, and waits for its answer a little longer.
func (p *patience) stop() {
	_, _ = p.control.Write([]byte(stop)) // a warden that has just answered and ended hears nothing
	p.after(answerTime, func() { _ = p.control.SetReadDeadline(time.Now()) })
}

func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, l := range p.limits {
		l.Stop()
	}
}

// pair makes a socket that only this process has, and its other end.
func pair() (net.Conn, *os.File, error) {
	files, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(files[0]), "control"), os.NewFile(uintptr(files[1]), "control")
	defer ours.Close() // FileConn has a copy
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("use a socket pair: %w", err), theirs.Close())
	}
	return conn, theirs, nil
}

// outputs are the pipes that a program writes to.
type outputs struct {
	read, write [2]*os.File
	copied      chan struct{} // gets a word for each pipe that has been read
}

func collect(to ...io.Writer) (*outputs, error) {
	o := &outputs{copied: make(chan struct{}, len(to))}
	for i, w := range to {
		var err error
		if o.read[i], o.write[i], err = os.Pipe(); err != nil {
			o.close()
			return nil, fmt.Errorf("make a pipe: %w", err)
		}
		go func() {
			_, _ = io.Copy(w, o.read[i]) // it ends with the pipe, or with finish
			o.copied <- struct{}{}
		}()
	}
	return o, nil
}

// started closes our copies of what the program has.
func (o *outputs) started() error { return errors.Join(o.write[0].Close(), o.write[1].Close()) }

// finish waits until all output was read. Only what could not be ended can
// still hold the pipes.
func (o *outputs) finish() {
	limit := absence.After(pipesAfterEnd, func() {
		for _, r := range o.read {
			_ = r.SetReadDeadline(time.Now())
		}
	})
	defer limit.Stop()
	for range o.read {
		<-o.copied
	}
	o.copied = nil
}

func (o *outputs) close() {
	for i := range o.read {
		if o.read[i] != nil {
			_ = o.write[i].Close() // mostly closed before
			_ = o.read[i].Close()
			if o.copied != nil {
				<-o.copied
			}
		}
	}
}
