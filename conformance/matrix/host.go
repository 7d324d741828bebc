package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"ddc/internal/fault"
	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/slot"
	"ddc/transport/hub"
	"ddc/wake"
)

// variable tells a host process, in JSON, what its cell is.
const variable = "DDC_FAULTMATRIX"

// task is the value of variable.
type task struct {
	Fault    string `json:"fault"`
	Strategy string `json:"strategy"`
	Calls    int    `json:"calls"`
	Seed     uint64 `json:"seed"`
	// Site is built into Output, and must then have the hash Tree.
	Site   string `json:"site"`
	Output string `json:"output"`
	Tree   string `json:"tree"`
	// InARow marks a cell of ten calls in a row, with rings as long as the
	// report's: see inARow.
	InARow bool `json:"in_a_row,omitempty"`
	// Hold keeps a cell with something wrong as it is: see Hold.
	Hold bool `json:"hold,omitempty"`
}

// news is a line that a host process writes: its progress, or how it ended.
type news struct {
	Stage    string   `json:"stage,omitempty"`
	Answered int      `json:"answered,omitempty"`
	Outcome  *Outcome `json:"outcome,omitempty"`
}

// Hosting is what a host process needs from its program.
type Hosting struct {
	// Names are the plugins' names. Open makes a plugin's service, and Command
	// is the program that serves it with [Plugin].
	Names   []string
	Open    func(name string) (plugin.Service, error)
	Command func(name string) (path string, args []string)
}

// ErrNotACell is returned by Host in a process that Run has not started.
var ErrNotACell = errors.New("this command is for ddc wake matrix to start, not for people")

// Host is the main of a cell's host process. It writes news to w, and leaves no
// process behind. If a fault may keep it from returning, it ends the process
// instead.
func Host(ctx context.Context, o Hosting, w io.Writer) error {
	var t task
	if err := json.Unmarshal([]byte(os.Getenv(variable)), &t); err != nil {
		return fmt.Errorf("%w (%s: %w)", ErrNotACell, variable, err)
	}
	if !fault.Enabled && t.Fault != NoFault {
		return fmt.Errorf("%w: it has no faults in it (go build -tags ddcfault)", ErrNotACell)
	}
	go func() { // nobody writes to a lifeline
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	out := json.NewEncoder(w)
	log := newJournal()
	h, err := host.New(hostOptions(t, o, log))
	if err != nil {
		return err
	}
	defer watch.DumpOnSignal(h)()
	run := newWorkload(t, o.Names, h, log)
	go run.tell(ctx, func(n news) { _ = out.Encode(n) })
	outcome := run.judge(ctx)
	run.quiet() // no more news but one
	if err := out.Encode(news{Outcome: &outcome}); err != nil {
		return fmt.Errorf("tell the outcome: %w", err)
	}
	if t.Hold && outcome.Verdict != Immune && outcome.Verdict != Slow {
		select {} // until whoever has the lifeline has seen enough
	}
	killPlugins(h)
	os.Exit(0) // what a fault has put to sleep does not end by itself
	return nil
}

// Few descriptors and few slots, none of them reserved: so rings fill, and the
// pool runs dry even for a sender that holds no slot.
const (
	ringCells  = 4
	sparePeers = 1 // for a plugin that is started again
)

func slotClasses() []slot.Class {
	return []slot.Class{{Size: 1 << 10, Count: 12}, {Size: 16 << 10, Count: 6}, {Size: 256 << 10, Count: 4}}
}

func hostOptions(t task, o Hosting, log *journal) host.Options {
	options := host.Options{
		Wake: t.Strategy, ByName: byName, Spin: wake.SpinOff, Command: o.Command,
		CallTimeout: 2 * patienceStarved, // who hangs is for the judge to say
		Hub:         hub.Options{Peers: len(o.Names) + sparePeers, Cells: ringCells, Classes: slotClasses()},
		Logger:      slog.New(log), Level: slog.LevelWarn,
	}
	if t.InARow {
		options.Hub.Cells, options.Hub.Classes = ReportedCells, nil // those of a build
	}
	if t.Strategy == Inproc {
		options.Wake = ""
		options.Local = func(name string) (plugin.Service, error) {
			own, err := o.Open(name)
			if err != nil {
				return nil, err
			}
			return withProbe(own), nil
		}
	}
	return options
}

// killPlugins kills the plugins, and waits until the kernel has forgotten them:
// if a zombie outlives its parent, there may be nobody to reap it.
func killPlugins(h *host.Host) {
	var pids []int
	for _, p := range h.Plugins() {
		if look, ok := p.Look(); ok {
			pids = append(pids, look.PID)
			_ = syscall.Kill(look.PID, syscall.SIGKILL)
		}
	}
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		left := false
		for _, pid := range pids {
			left = left || syscall.Kill(pid, 0) == nil
		}
		if !left {
			return
		}
	}
}
