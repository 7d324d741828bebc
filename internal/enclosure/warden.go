package enclosure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"ddc/internal/absence"
	"ddc/internal/sandbox"
)

// A warden is what this executable becomes before anything of its main begins:
// so nobody can forget to call it, and a warden does not pay for what it does
// not need.
func init() {
	if len(os.Args) == wardensWords && os.Args[1] == argument {
		os.Exit(watch(os.NewFile(3, "control"), os.Args[3]))
	}
}

// watch is a warden from its beginning to its end.
func watch(control *os.File, folder string) int {
	answer := watched(control, folder)
	if err := json.NewEncoder(control).Encode(answer); err != nil {
		return 1 // whoever would have heard has gone
	}
	return 0
}

// first says whether this process is the first of a pid namespace. The first of
// a machine or a container never is a warden, since another has started it.
func first() bool { return os.Getpid() == 1 }

func watched(control *os.File, folder string) Outcome {
	for _, fd := range []int{3, 4, 5} {
		syscall.CloseOnExec(fd)
	}
	threads()
	answer := Outcome{Code: -1, Kind: Subreaper}
	if err := errors.Join(sandbox.Hide(), sandbox.Adopt()); err != nil {
		return failed(err)
	}
	if first() {
		answer.Kind = Alone
		if sandbox.OwnProc() != nil { // /proc shows what it shows to our host
			answer.Kind = Namespace
		} else {
			_ = sandbox.FewProcesses(mostProcesses) // else the limits of its user hold
		}
	}
	// Before anything can end: a signal that nobody asks for is lost.
	children, told := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	signal.Notify(told, syscall.SIGTERM)
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT)
	heard := bufio.NewReader(io.LimitReader(control, requestLimit))
	p, err := ordered(heard)
	if err != nil {
		return failed(err)
	}
	_ = os.Remove(filepath.Join(folder, nestedFile)) // of a run before, in a folder that is kept
	pid, err := begin(p)
	if err != nil {
		return failed(err)
	}
	_, _ = control.WriteString(begun) // if nobody is there any more, the next line hears so
	stopped := make(chan struct{})
	go func() {
		// A word says stop; the end of control, that nobody is there any more.
		_, _ = heard.ReadByte()
		close(stopped)
	}()
	r := reaper{pid: pid, children: children}
	if !r.untilEnd(stopped, told) {
		if first() {
			// What forks without end leaves a look at /proc no time.
			_ = syscall.Kill(-1, syscall.SIGSTOP)
		}
		answer.Stopped, answer.Running = true, running()
	}
	answer.Left = r.endAll()
	answer.Code, answer.Signal = r.status()
	answer.Nested = marked(folder)
	return answer
}

// mostThreads is more than a warden needs at once.
const mostThreads = 16

// threads starts those that this process may need: later the program may have
// taken all that there are, and a Go program that gets none dies. They stay.
func threads() {
	var all sync.WaitGroup
	all.Add(mostThreads)
	for range mostThreads {
		go func() {
			runtime.LockOSThread()
			all.Done()
			all.Wait()
			runtime.UnlockOSThread()
		}()
	}
	all.Wait()
}

func failed(err error) Outcome { return Outcome{Code: -1, Error: err.Error()} }

func ordered(from *bufio.Reader) (*Program, error) {
	line, err := from.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("hear what to run: %w", err)
	}
	p := &Program{}
	if err := json.Unmarshal(line, p); err != nil {
		return nil, fmt.Errorf("hear what to run: %w", err)
	}
	return p, nil
}

// begin starts the program, on a thread that is held to what it is left.
func begin(p *Program) (pid int, err error) {
	policies, err := policiesOf(p)
	if err != nil {
		return 0, err
	}
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer nothing.Close()
	started := make(chan struct{})
	go sandbox.OnThread(func() {
		defer close(started)
		if err = sandbox.NoCapabilities(); err != nil {
			return
		}
		for _, policy := range policies {
			if _, err = sandbox.Restrict(policy); err != nil {
				err = fmt.Errorf("the sandbox of the sample failed, so it was not started (--no-sandbox starts it without): %w", err)
				return
			}
		}
		var process *os.Process
		process, err = os.StartProcess(p.Path, append([]string{p.Path}, p.Args...), &os.ProcAttr{
			Dir: p.Folder, Env: append(p.Environment, NameVariable+"="+p.Name), Sys: &syscall.SysProcAttr{Setsid: true},
			Files: []*os.File{nothing, os.NewFile(4, "stdout"), os.NewFile(5, "stderr")},
		})
		if err == nil {
			pid = process.Pid
			err = process.Release() // the reaper waits for all children, this one among them
		}
	})
	<-started
	return pid, err
}

// policiesOf are the host's, if it has one, and the program's, if it has one.
func policiesOf(p *Program) ([]sandbox.Policy, error) {
	var policies []sandbox.Policy
	if text := os.Getenv(policyVariable); text != "" {
		var host sandbox.Policy
		if err := json.Unmarshal([]byte(text), &host); err != nil {
			return nil, fmt.Errorf("%s: %w", policyVariable, err)
		}
		policies = append(policies, host)
	}
	if p.Policy != nil {
		policies = append(policies, *p.Policy)
	}
	return policies, nil
}

// reaper waits for the children of this process, in one goroutine: no child's
// number can be given to another process between a look and a kill.
type reaper struct {
	pid      int // the program
	children chan os.Signal
	ended    bool
	how      syscall.WaitStatus
}

// reap takes leave of children that have ended. It says whether there are
// others.
func (r *reaper) reap() (others bool) {
	for {
		var how syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &how, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // ECHILD
			return false
		case pid == 0:
			return true
		case pid == r.pid:
			r.ended, r.how = true, how
		}
	}
}

// untilEnd says whether the program came to its end by itself.
func (r *reaper) untilEnd(stop <-chan struct{}, told <-chan os.Signal) bool {
	for {
		if !r.reap() || r.ended {
			return true
		}
		select {
		case <-r.children:
		case <-stop:
			return false
		case <-told:
			return false
		}
	}
}

// pace is how soon a subreaper looks for children again that others left to it.
const pace = 2 * time.Millisecond

// endAll ends everything, and says what it could not.
func (r *reaper) endAll() []string {
	over := make(chan struct{})
	limit := absence.After(endTime, func() { close(over) })
	defer limit.Stop()
	for {
		if first() {
			// One signal for the whole namespace: what forks at this moment
			// fails to.
			_ = syscall.Kill(-1, syscall.SIGKILL)
		} else {
			for _, p := range childrenOf(os.Getpid()) {
				_ = syscall.Kill(p, syscall.SIGKILL)
			}
		}
		if !r.reap() {
			return nil
		}
		select {
		case <-over:
			return running()
		case <-r.children:
		case <-time.After(pace):
		}
	}
}

// status is how the program ended.
func (r *reaper) status() (code int, killed string) {
	switch {
	case !r.ended:
		return -1, ""
	case r.how.Signaled():
		return -1, r.how.Signal().String()
	}
	return r.how.ExitStatus(), ""
}
