// Package sandbox takes from a process what it does not need: files, programs,
// the network, and the system calls by which one process reaches into another.
//
//	go sandbox.OnThread(func() {
//		err := sandbox.Restrict(sandbox.Policy{Read: []string{folder}})
//		...
//		err = cmd.Start()               // cmd lives by the policy, and so does this thread
//	})
//
// A host restricts the thread that it forks plugins from. What the kernel then
// holds a plugin to, the plugin can neither skip nor lift, since no_new_privs, a
// Landlock domain and a seccomp filter pass to everything that a thread starts,
// and only ever get tighter. Threads of the same process that began before are
// as they were; Go starts none from a locked thread.
//
// Four layers, each independent of the others. The last two are left out where
// the kernel has none of it ([Kernel] says which there are):
//
//	no_new_privs   no set-user-ID program gives more than the process has
//	capabilities   root's, but for those to files, do not reach what is started
//	Landlock       files only below the folders named; programs only from there; no TCP; no
//	               signals or abstract sockets to anyone outside
//	seccomp        no sockets; no ptrace, mounts, namespaces, io_uring, keys, modules, ...
//
// A policy costs some system calls for each path in it, half a millisecond in all, once
// for each thread; a system call of the restricted process some 50 ns more.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Policy is what is left to a process. The zero Policy leaves nothing but
// computing and the descriptors that it has: not even enough to start.
type Policy struct {
	// Read are files, and folders with all below, that may be read.
	Read []string
	// Execute are the same, to be read and started as programs.
	Execute []string
	// Write are folders in which anything may be read, made, changed and removed, and files.
	Write []string
	// Network allows sockets of the internet's families.
	Network bool
	// Programs allows to start programs. Without it a process that calls NoPrograms
	// at its start, as plugins do, starts none; with Landlock none but Execute. And without
	// it no file's mode, owner, times or attributes can be changed, which Landlock leaves to all.
	Programs bool
}

// Support is what a kernel offers.
type Support struct {
	// Landlock is the version of its interface, or 0 for none.
	Landlock int
	// Seccomp says whether filters can be set on this architecture.
	Seccomp bool
}

// String is "Landlock 7 and seccomp", or what there is of it.
func (s Support) String() string {
	var layers []string
	if s.Landlock > 0 {
		layers = append(layers, fmt.Sprintf("Landlock %d", s.Landlock))
	}
	if s.Seccomp {
		layers = append(layers, "seccomp")
	}
	if len(layers) == 0 {
		return "no_new_privs alone (this kernel offers neither Landlock nor seccomp)"
	}
	return strings.Join(layers, " and ")
}

// Kernel asks the kernel what it offers. A container may have forbidden either.
func Kernel() Support {
	return Support{Landlock: landlockVersion(), Seccomp: seccompOffered()}
}

// OnThread runs f on a thread that nothing else runs on, before or after: it ends
// with f. It is never the process's first thread, which stands for the process
// in /proc: restricted, that would be in its own children's reach.
func OnThread(f func()) {
	runtime.LockOSThread() // unlocked nowhere below: the thread ends with the goroutine
	if unix.Gettid() != os.Getpid() {
		f()
		return
	}
	// While this goroutine has the first thread, another gets another.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		f()
	}()
	<-ended
	runtime.UnlockOSThread()
}

var errFirstThread = errors.New("the first thread of a process must stay as it is: call OnThread")

// Restrict holds the calling thread, and whatever it starts from now on, to p as
// far as the kernel can. It is called within OnThread. Paths that do not exist are passed over. What the kernel lacks is no
// error; after an error the thread may be restricted in part.
func Restrict(p Policy) error {
	if unix.Gettid() == os.Getpid() {
		return fmt.Errorf("restrict thread: %w", errFirstThread)
	}
	if err := noNewPrivileges(); err != nil {
		return fmt.Errorf("restrict thread: %w", err)
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("restrict thread: %w", err)
	}
	if err := landlock(p); err != nil {
		return fmt.Errorf("restrict thread by Landlock: %w", err)
	}
	// Last: Landlock's own calls would be none of the filter's business, but opening
	// paths may be.
	if err := setFilter(reachOut(p), 0); err != nil {
		return fmt.Errorf("restrict thread by seccomp: %w", err)
	}
	return nil
}

// NoPrograms forbids the whole process, all its threads and for ever, to start
// programs or to fork. Where the kernel has no seccomp it does nothing.
func NoPrograms() error {
	if err := noNewPrivileges(); err != nil {
		return fmt.Errorf("forbid programs: %w", err)
	}
	if err := setFilter(startPrograms(), allThreads); err != nil {
		return fmt.Errorf("forbid programs by seccomp: %w", err)
	}
	return nil
}
