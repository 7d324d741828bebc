// Package sandbox takes from a process what it does not need: files, programs,
// the network, and the system calls by which one process reaches into another.
//
//	go sandbox.OnThread(func() {
//		held, err := sandbox.Restrict(sandbox.Policy{Read: []string{folder}})
//		...                             // after an error nothing may be started
//		err = cmd.Start()               // cmd lives by the policy, and so does this thread
//	})
//
// A host restricts the thread that it forks plugins from. What the kernel then
// holds a plugin to, the plugin can neither skip nor lift, since no_new_privs,
// a Landlock domain and a seccomp filter pass to everything that a thread
// starts, and only ever get tighter. Threads of the same process that began
// before are as they were; Go starts none from a locked thread.
//
// Four layers, each applied whatever became of the others:
//
//	no_new_privs   no set-user-ID program gives more than the process has
//	Landlock       files only below the folders named; programs only from there; no TCP; no
//	               signals or abstract sockets to anyone outside
//	seccomp        no sockets; no ptrace, mounts, namespaces, io_uring, keys, modules, ...
//	capabilities   root's, but for those to files, do not reach what is started
//
// # What is left out, and what fails
//
// A kernel or a container that lacks a layer refuses the layer's first call,
// which only asks. The layer is then left out, and [Held] says so. Any other
// refusal is an error, after which nothing may be started: the kernel has the
// layer, and what is started would do without.
//
//	layer          first call                             lacking              an error, whatever errno
//	no_new_privs   prctl(PR_GET_NO_NEW_PRIVS)             EINVAL               prctl(PR_SET_NO_NEW_PRIVS)
//	Landlock       landlock_create_ruleset(.., VERSION)   EOPNOTSUPP           landlock_create_ruleset, landlock_add_rule,
//	                                                                           landlock_restrict_self
//	seccomp        seccomp(GET_ACTION_AVAIL)              EINVAL, EOPNOTSUPP   seccomp(SET_MODE_FILTER)
//	capabilities   capget                                                      what prctl(PR_CAPBSET_DROP) and capset
//	                                                                           leave to a program beyond those to files
//
// ENOSYS, EPERM and EACCES mean lacking for each first call; any other errno
// there is an error. Where no_new_privs is in force before, it is not set
// again; where there are no capabilities to drop, it does not matter that they
// can't be dropped.
//
// A path that cannot be opened (with O_PATH, which reads nothing) is left out
// of the policy, never the layer: whatever the errno, it says something about
// the path. So does EBADFD from landlock_add_rule: a pipe lies in no file
// system.
//
// A policy costs some system calls for each path in it, half a millisecond in
// all, once for each thread; a system call of the restricted process some 50 ns
// more.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
)

// Policy is what is left to a process. The zero Policy leaves nothing but
// computing and the descriptors that it has: not even enough to start.
type Policy struct {
	// Read are files, and folders with all below, that may be read.
	Read []string
	// Execute are the same, to be read and started as programs.
	Execute []string
	// Write are folders in which anything may be read, made, changed and
	// removed, and files.
	Write []string
	// Network allows sockets of the internet's families.
	Network bool
	// Programs allows to start programs. Without it a process that calls
	// seccomp.NoPrograms at its start, as plugins do, starts none; with
	// Landlock none but Execute. And without it no file's mode, owner, times or
	// attributes can be changed, which Landlock leaves to all.
	Programs bool
}

// OnThread runs f on a thread that nothing else runs on, before or after: it
// ends with f. It is never the process's first thread, which stands for the
// process in /proc: restricted, that would be in its own children's reach.
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

// Restrict holds the calling thread, and whatever it starts from now on, to p
// as far as the kernel can. It is called within OnThread. What the kernel lacks
// is no error, nor is a path that cannot be opened; see the package's comment.
// After an error the thread is restricted by the other layers, and must start
// nothing.
func Restrict(p Policy) (Held, error) {
	if unix.Gettid() == os.Getpid() {
		return Held{}, fmt.Errorf("restrict thread: %w", errFirstThread)
	}
	var held Held
	var failed seccomp.Failures
	var err error
	held.NoNewPrivileges, err = seccomp.NoNewPrivileges()
	failed.Add("no_new_privs", err)
	held.Landlock, held.LeftOut, err = landlock(p)
	failed.Add("Landlock", err)
	// After Landlock, whose opening of paths the filter may refuse.
	held.Seccomp, err = seccomp.Set(reachOut(p), seccomp.ThisThread)
	failed.Add("seccomp", err)
	// Last: without no_new_privs the other two need a capability.
	held.Capabilities, err = dropCapabilities(held.NoNewPrivileges)
	failed.Add("capabilities", err)
	if failed.Err != nil {
		return held, fmt.Errorf("restrict thread: %w", failed.Err)
	}
	return held, nil
}
