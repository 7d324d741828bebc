package enclosure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"ddc/internal/forker"
	"ddc/internal/sandbox"
)

// Starter starts wardens, or has them started.
type Starter struct {
	asking *net.UnixConn         // to Serve; nil to start them here
	ways   []syscall.SysProcAttr // of starting them here
}

// Local starts wardens from this process.
func Local() *Starter { return &Starter{ways: ways()} }

// Free is Local without a user namespace, in which no program gets more rights
// than its caller, such as by sudo.
func Free() *Starter {
	all := ways()
	return &Starter{ways: []syscall.SysProcAttr{all[privileged], all[reaping]}}
}

// Variable names the environment variable with the number of the descriptor by
// which a process asks Serve.
const Variable = "DDC_PLUGIN_WARDENS"

// Inherited is for a process to which its host has left the other end of
// Serve's socket, as Variable says. Without that it is Local.
func Inherited() (*Starter, error) {
	text := os.Getenv(Variable)
	if text == "" {
		return Local(), nil
	}
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	syscall.CloseOnExec(fd)
	s, err := inheritedFrom(os.NewFile(uintptr(fd), "wardens"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	return s, nil
}

func inheritedFrom(file *os.File) (*Starter, error) {
	defer file.Close() // FileConn has a copy
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	asking, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("no socket of the host's"), conn.Close())
	}
	return &Starter{asking: asking}, nil
}

// Close ends what Inherited has begun.
func (s *Starter) Close() error {
	if s.asking == nil {
		return nil
	}
	return s.asking.Close()
}

// warden is a process that has yet to be started. Its owner closes its files.
type warden struct {
	name, folder            string
	asker                   int // process id of the one for whom it is
	control, stdout, stderr *os.File
}

// argument is what a warden is started with, before a name, a folder and the
// asker. A list of processes, Within and Asker know it by that.
const argument = "--ddc-warden"

// policyVariable tells a warden what its host leaves to everything it starts.
const policyVariable = "DDC_WARDEN_POLICY"

const nameLimit = 512

func (s *Starter) start(w warden) error {
	if s.asking != nil {
		return s.ask(w)
	}
	thread := forker.New(nil)
	var cmd *exec.Cmd
	var err error
	thread.Do(func() { cmd, err = w.launch(nil, s.ways) })
	if err != nil {
		thread.Close()
		return err
	}
	go func() {
		_ = cmd.Wait() // it has told how the program ended
		thread.Close()
	}()
	return nil
}

// launch starts a warden with as much of its own as the kernel grants. It is
// called on a thread that lives as long as the warden.
func (w warden) launch(policy *sandbox.Policy, ways []syscall.SysProcAttr) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	environment := []string{"GOMAXPROCS=1"}
	if policy != nil {
		text, err := json.Marshal(policy)
		if err != nil {
			return nil, err
		}
		environment = append(environment, policyVariable+"="+string(text))
	}
	var cmd *exec.Cmd
	for _, attributes := range ways {
		cmd = exec.Command(path, argument, w.name[:min(len(w.name), nameLimit)], w.folder, strconv.Itoa(w.asker))
		cmd.Env, cmd.Dir = environment, "/"
		cmd.ExtraFiles = []*os.File{w.control, w.stdout, w.stderr}
		cmd.SysProcAttr = &attributes
		if err = cmd.Start(); err == nil || !refused(err) {
			break
		}
	}
	return cmd, err
}

const own = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS

// Ways to start a warden.
const (
	privileged = iota // in namespaces of its own; root needs no user namespace, in which it would lose its right to files of others
	mapped            // the same for who is not root
	reaping           // without namespaces
)

// ways are all of them, the best first.
func ways() []syscall.SysProcAttr {
	uid, gid := os.Getuid(), os.Getgid()
	return []syscall.SysProcAttr{
		privileged: {Cloneflags: own, Pdeathsig: syscall.SIGKILL, Setsid: true},
		mapped: {
			Cloneflags: own | syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGKILL, Setsid: true,
			AmbientCaps: []uintptr{sandbox.Administration}, // to mount; starting a program would take it else
			UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		},
		reaping: {Pdeathsig: syscall.SIGTERM, Setsid: true}, // killed, it would end nobody: it is asked to
	}
}

// refused says whether an error is the kernel's, or a container's, about
// namespaces.
func refused(err error) bool {
	for _, no := range []error{syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.ENOSPC, syscall.ENOSYS, syscall.EUSERS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}
