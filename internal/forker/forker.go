// Package forker starts processes that end with this one, however it ends.
//
//	err := forker.Run(cmd)          // one process, to its end
//
//	thread := forker.New(nil)       // several, or one to talk with
//	defer thread.Close()
//	err := thread.Start(cmd)
//
// The kernel can send a process a signal when its parent dies. But what it
// takes for the parent is the thread that forked, not the process (prctl(2),
// PR_SET_PDEATHSIG), and Go ends threads as it pleases. So the thread that
// starts a process must be kept for as long as that may run: that is a
// [Thread].
//
// To begin a thread and end it takes some 30 µs, where starting a process takes
// a millisecond.
package forker

import (
	"os/exec"
	"syscall"

	"ddc/internal/sandbox"
)

// Thread is a thread that nothing runs on but what it is told to, one after
// the other. It is never the process's first thread.
type Thread struct {
	requests chan func()
	done     chan struct{}
}

// New begins a thread, which calls first, if not nil, before anything else:
// what restricts the thread restricts all that it starts. New does not wait for
// it.
func New(first func()) *Thread {
	t := &Thread{requests: make(chan func()), done: make(chan struct{})}
	go sandbox.OnThread(func() {
		defer close(t.done)
		if first != nil {
			first()
		}
		for request := range t.requests {
			request()
		}
	})
	return t
}

// Do calls f on the thread and waits for it. It must not be called after Close.
func (t *Thread) Do(f func()) {
	done := make(chan struct{})
	t.requests <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Start starts cmd, which is killed when this process ends. Where its
// attributes name another signal, that is sent.
func (t *Thread) Start(cmd *exec.Cmd) (err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if cmd.SysProcAttr.Pdeathsig == 0 {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	t.Do(func() { err = cmd.Start() })
	return err
}

// Close ends the thread, and with it every process that it started and that
// still runs.
func (t *Thread) Close() {
	close(t.requests)
	<-t.done
}

// Run is cmd.Run with a thread of its own.
func Run(cmd *exec.Cmd) error {
	t := New(nil)
	defer t.Close()
	if err := t.Start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}
