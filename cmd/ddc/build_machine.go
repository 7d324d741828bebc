package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"ddc/internal/activity"
	"ddc/internal/heir"
	"ddc/internal/memory"
	"ddc/internal/printable"
	"ddc/plugin/host"
	"ddc/plugin/watch"
)

// machine is what a build runs on: the heir that clears up if this process is
// killed, the control group around everything, the meter, and the plugins. What
// is started first is stopped last.
type machine struct {
	heir        *heir.Heir
	group       *memory.Group
	meter       *memory.Meter
	host        *host.Host
	remotes     *remotes
	stopDumping func()
	shares      memoryShares
	collector   *memory.Bound
	peak        int64 // once stopped
	log         *slog.Logger
	// abandoned says that the build's work goes on, though nobody waits for it.
	// Then the heir clears up after it, once this process has ended.
	abandoned bool
}

// How long an interrupted build has to end: first the host's own work, then the
// plugins. Together with farewell that is 0.3 s.
const (
	unwind = 100 * time.Millisecond
	hurry  = 120 * time.Millisecond
)

// startMachine starts all but the plugins, which their calls start. Memory is
// measured while there are calls. output is the folder that will be written to,
// or "" for none.
func startMachine(options host.Options, output string, shares memoryShares, calls *activity.Activity, log *slog.Logger) (*machine, error) {
	m := &machine{shares: shares, log: log}
	var err error
	if m.heir, err = heir.Start(); err != nil {
		log.Warn("should this build be killed, its temporary folders stay until the next", "cause", err)
	}
	if err := m.bequeath(output); err != nil {
		return nil, errors.Join(err, m.stop(context.Background()))
	}
	if m.group, err = memory.Confine(shares.limit, m.heir.Group); err != nil {
		log.Debug("the memory limit is kept by the processes, not by the kernel", "limit", shares.limit, "cause", err)
	}
	m.collector = memory.Follow(shares.host, shares.limit/2)
	m.meter = memory.NewMeter(m.group, calls)
	options.TempDir = m.heir.TempDir
	options.Memory = host.Memory{Soft: shares.each, Live: shares.live}
	options.Calls.Replies, options.Calls.Requests = shares.replies(), shares.requests()
	options.Hub.Classes = host.SlotsWithin(shares.hub(options.Isolate))
	if m.host, err = host.New(options); err != nil {
		return nil, errors.Join(err, m.stop(context.Background()))
	}
	m.stopDumping = watch.DumpOnSignal(m.host)
	return m, nil
}

// bequeath has the heir remove the folders that the build makes above the
// output, if they stay empty.
func (m *machine) bequeath(output string) error {
	if output == "" {
		return nil
	}
	var missing []string
	for folder := filepath.Dir(output); ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		missing = append(missing, folder)
	}
	var errs []error
	for i := len(missing) - 1; i >= 0; i-- {
		errs = append(errs, m.heir.Empty(missing[i]))
	}
	return errors.Join(errs...)
}

// stop stops everything, in a hurry if ctx is done.
func (m *machine) stop(ctx context.Context) error {
	var errs []error
	if m.host != nil {
		m.stopDumping()
		errs = append(errs, m.stopHost(ctx))
	}
	errs = append(errs, m.remotes.close())
	if m.meter != nil {
		m.peak = m.meter.Stop()
		m.collector.Stop()
	}
	if m.abandoned {
		return errors.Join(errs...)
	}
	if err := m.group.Close(); err != nil {
		m.log.Warn("something that this build has started cannot be ended", "cause", err)
	}
	return errors.Join(append(errs, m.heir.Close())...)
}

func (m *machine) stopHost(ctx context.Context) error {
	if ctx.Err() == nil {
		return m.host.Close()
	}
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), hurry)
	defer cancel()
	return m.host.Stop(soon)
}

// keeper says how much memory the build may take, and what enforces that.
func (m *machine) keeper() string {
	if m.group == nil {
		return printable.Size(m.shares.limit) + ", kept by the processes themselves"
	}
	return printable.Size(m.shares.limit) + ", kept by a control group too"
}

func jobsOf(f buildFlags) int {
	if f.jobs > 0 {
		return f.jobs
	}
	return 2 * runtime.GOMAXPROCS(0)
}
