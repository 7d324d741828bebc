package enclosure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"ddc/internal/absence"
	"ddc/internal/forker"
	"ddc/internal/sandbox"
)

// request is the text of a message to Serve. With it come control, stdout and
// stderr.
type request struct {
	Name   string `json:"name"`
	Folder string `json:"folder"`
	// Asker is the process id of the one who asks, for those who look at
	// processes.
	Asker int `json:"asker"`
}

const (
	filesOfWarden = 3
	// messageLimit is more than any request: a name and a path.
	messageLimit = 16 << 10
	// wardensAtOnce bounds what one process may ask for: more than it has
	// samples at a time.
	wardensAtOnce = 256
)

// ask has the host start a warden.
func (s *Starter) ask(w warden) error {
	text, err := json.Marshal(request{w.name[:min(len(w.name), nameLimit)], w.folder, os.Getpid()})
	if err != nil {
		return err
	}
	rights := syscall.UnixRights(int(w.control.Fd()), int(w.stdout.Fd()), int(w.stderr.Fd()))
	if _, _, err := s.asking.WriteMsgUnix(text, rights, nil); err != nil {
		return fmt.Errorf("ask the host: %w", err)
	}
	return nil
}

// Host starts wardens for another process, on a thread of its own. Everything
// that they start is held to a policy, whatever the other process says.
type Host struct {
	conn    *net.UnixConn
	policy  *sandbox.Policy
	ways    []syscall.SysProcAttr
	started func(pid int)
	done    chan struct{}
}

// Serve makes the two ends of a socket, and starts wardens for whoever has the
// other, until nobody has. started is told of each warden.
func Serve(policy *sandbox.Policy, started func(pid int)) (*Host, *os.File, error) {
	h, theirs, err := newHost(policy, started)
	if err == nil {
		h.begin()
	}
	return h, theirs, err
}

func newHost(policy *sandbox.Policy, started func(pid int)) (*Host, *os.File, error) {
	files, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket for wardens: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(files[0]), "wardens"), os.NewFile(uintptr(files[1]), "wardens")
	defer ours.Close() // FileConn has a copy
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("use a socket for wardens: %w", err), theirs.Close())
	}
	return &Host{conn: conn.(*net.UnixConn), policy: policy, ways: ways(), started: started, done: make(chan struct{})}, theirs, nil
}

// begin serves until Close.
func (h *Host) begin() { go h.serve() }

func (h *Host) serve() {
	defer close(h.done)
	thread := forker.New(nil)
	defer thread.Close()
	var running sync.WaitGroup
	defer running.Wait()
	places := make(chan struct{}, wardensAtOnce)
	text, rights := make([]byte, messageLimit), make([]byte, syscall.CmsgSpace(filesOfWarden*4))
	for {
		n, oob, _, _, err := h.conn.ReadMsgUnix(text, rights)
		if err != nil || n == 0 && oob == 0 {
			return
		}
		files := received(rights[:oob])
		places <- struct{}{}
		var cmd *exec.Cmd
		thread.Do(func() { cmd = h.launch(text[:n], files) })
		for _, f := range files {
			_ = f.Close() // the warden has its own
		}
		if cmd == nil {
			<-places
			continue
		}
		h.started(cmd.Process.Pid)
		running.Go(func() {
			_ = cmd.Wait() // it has told how the program ended
			<-places
		})
	}
}

// launch starts what a message asks for. Why it could not, the one who asked
// learns from control.
func (h *Host) launch(text []byte, files []*os.File) *exec.Cmd {
	var r request
	if len(files) != filesOfWarden || json.Unmarshal(text, &r) != nil {
		return nil // the one who asked sees control end
	}
	cmd, err := warden{r.Name, r.Folder, r.Asker, files[0], files[1], files[2]}.launch(h.policy, h.ways)
	if err != nil {
		_ = json.NewEncoder(files[0]).Encode(Outcome{Error: err.Error()})
		return nil
	}
	return cmd
}

func received(rights []byte) []*os.File {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "warden's"))
		}
	}
	return files
}

// Close waits for the wardens to end, which they do when the one who asked for
// them has, but not for ever: a process that cannot be killed keeps its warden.
func (h *Host) Close() error {
	if err := h.conn.Close(); err != nil {
		return fmt.Errorf("end wardens: %w", err)
	}
	over := make(chan struct{})
	limit := absence.After(answerTime, func() { close(over) })
	defer limit.Stop()
	select {
	case <-h.done:
		return nil
	case <-over:
		return fmt.Errorf("end wardens: they have not ended after %v", answerTime)
	}
}
