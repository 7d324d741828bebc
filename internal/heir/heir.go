// Package heir clears up after a process that was killed, since a
// killed process cannot.
//
//	h, err := heir.Start()
//	folder, err := h.TempDir(parent, ".public.ddc-")
//	...
//	err = h.Close()
//
// Within does this for one folder of a command that takes a while.
//
// The heir is one small process, a shell, that waits for the end of its
// standard input, which only we hold: the kernel closes it when we end, however
// that comes about. The heir then removes what it was told of. Close tells it
// that there is nothing to do.
//
// It costs a fork and an exec (1 to 4 ms to start and end, on an idle and on a
// busy machine) and 0.1 MB of its own. It leads a process group of its own, so
// that neither Ctrl-C nor a signal to our group reaches it. If both are killed
// at once (the end of a container), the folders stay. Their users lock them, so
// that the next process that finds them unlocked removes them.
package heir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// script keeps what it is told, a line each, as its arguments: "-" and a folder
// to remove with everything in it, "=" and one to remove if it is empty, "*"
// and a control group to kill and remove; "." is the end in good order. A line
// without an end was cut off with its writer.
//
// What runs in a group is killed first, for it may write to the folders. A
// process that was killed takes a moment to stop writing and to leave its
// group, and one outside of any group dies after its parent, our process,
// without our hearing of it. So folders are removed again until they stay away,
// for some seconds at most. A folder that its owner may not enter is opened to
// him first.
const script = `trap '' INT TERM HUP QUIT
while IFS= read -r line; do
  case $line in
    .) exit 0;;
    *) set -- "$line" "$@";;
  esac
done
exec 2>/dev/null
end_all() {
  if [ -w "$1/cgroup.kill" ]; then echo 1 >"$1/cgroup.kill"; else
    while read -r pid; do kill -KILL "$pid"; done <"$1/cgroup.procs"
  fi
}
folders() {
  for line; do case $line in -*)
    rm -rf -- "${line#?}" || { chmod -R u+rwx -- "${line#?}"; rm -rf -- "${line#?}"; };;
  esac; done
  for line; do case $line in =*) rmdir -- "${line#?}";; esac; done
}
left() {
  for line; do case $line in -*) [ ! -e "${line#?}" ] || return 0;; esac; done
  return 1
}
for line; do case $line in \**) end_all "${line#?}";; esac; done
folders "$@"
for line; do
  case $line in
    \**) group=${line#?}; tries=0
      until rmdir "$group" || [ ! -d "$group" ] || [ $tries -ge 50 ]; do
        end_all "$group"; sleep 0.02; tries=$((tries+1))
      done;;
  esac
done
tries=0
folders "$@"
while left "$@" && [ $tries -lt 100 ]; do
  sleep 0.05; tries=$((tries+1))
  folders "$@"
done
`

// patience is how long the heir may take to end once it was told to.
const patience = 2 * time.Second

// programs is where the heir finds rm and the like if the PATH doesn't say.
const programs = ":/usr/bin:/bin"

// ErrClosed is returned for what an heir is told after Close.
var ErrClosed = errors.New("the heir is closed")

// Heir clears up if this process dies. A nil *Heir makes folders, and clears up
// nothing.
type Heir struct {
	cmd *exec.Cmd

	mu     sync.Mutex
	say    *os.File // its standard input
	closed bool
	made   []string // by TempDir
}

// Start starts the heir.
func Start() (*Heir, error) {
	hears, says, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe for the heir: %w", err)
	}
	defer hears.Close() //nolint:errcheck // the heir has its own by then
	h := &Heir{say: says, cmd: exec.Command("/bin/sh", "-c", `eval "$script"`, "ddc-heir")}
	h.cmd.Dir = "/"                                                                  // it must not keep a folder busy
	h.cmd.Env = []string{"PATH=" + os.Getenv("PATH") + programs, "script=" + script} // a list of processes shows arguments
	h.cmd.Stdin = hears
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := h.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the heir: %w", err), says.Close())
	}
	return h, nil
}

// TempDir makes a new folder with a name that begins with prefix, which the
// heir removes with everything in it. The heir is told first: there is no
// moment at which the folder is nobody's.
func (h *Heir) TempDir(parent, prefix string) (string, error) {
	folder, err := filepath.Abs(filepath.Join(parent, prefix+rand.Text()))
	if err != nil {
		return "", err
	}
	if err := h.tell("-", folder); err != nil {
		return "", err
	}
	return folder, os.Mkdir(folder, 0o700)
}

// Within calls use with a new folder below the system's temporary one, and
// removes it afterwards, also if this process is killed meanwhile.
func Within(prefix string, use func(folder string) error) (err error) {
	h, err := Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	folder, err := h.TempDir(os.TempDir(), prefix)
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	return use(folder)
}

// Empty has the heir remove a folder if it is empty. The last named goes first.
func (h *Heir) Empty(folder string) error { return h.tell("=", folder) }

// Group has the heir kill what runs in a control group, and remove it.
func (h *Heir) Group(folder string) error { return h.tell("*", folder) }

func (h *Heir) tell(what, path string) error {
	if h == nil || strings.Contains(path, "\n") {
		return nil // what a line can't say is left to the next build
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed // what is made now would be nobody's
	}
	if what == "-" {
		h.made = append(h.made, path)
	}
	return h.sayTo(what + path)
}

func (h *Heir) sayTo(line string) error {
	if _, err := h.say.WriteString(line + "\n"); err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("tell the heir: %w", err) // EPIPE: somebody killed it, and then there is none
	}
	return nil
}

// Close ends the heir. Before that it removes the folders of TempDir that are
// still there: an owner may have failed to remove one, and have said so,
// because something that has ended since wrote to it.
func (h *Heir) Close() error {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	for _, folder := range h.made {
		_ = Remove(folder) // most have gone; what cannot be removed has been told by its owner
	}
	err := h.sayTo(".")
	timer := time.AfterFunc(patience, func() { _ = h.cmd.Process.Kill() }) // it may have ended just now
	defer timer.Stop()
	_ = h.cmd.Wait() // how it ended says nothing: it had nothing to do
	return errors.Join(err, h.say.Close())
}
