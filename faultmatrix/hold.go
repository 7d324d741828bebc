package faultmatrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Held is a cell that stays as it is once it has hung, for others to look at
// from outside.
type Held struct {
	host   *hostProcess
	folder string
}

// Hold starts a cell. Its host process dumps on SIGUSR1, to what Said reads.
func Hold(o Options, faultName, strategy string) (_ *Held, err error) {
	if o.Calls == 0 {
		o.Calls = DefaultCalls
	}
	folder, err := os.MkdirTemp("", "ddc-matrix-")
	if err != nil {
		return nil, err
	}
	t := task{Fault: faultName, Strategy: strategy, Calls: o.Calls, Seed: o.Seed, Site: o.Site, Output: filepath.Join(folder, "site"), Hold: true}
	if t.Tree, err = controlTree(context.Background(), o); err == nil {
		var host *hostProcess
		if host, err = startHost(o, t, folder); err == nil {
			return &Held{host, folder}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("fault %s on %s: %w", faultName, strategy, err), os.RemoveAll(folder))
}

// PID is the host process.
func (h *Held) PID() int { return h.host.cmd.Process.Pid }

// Outcome waits until the cell has hung, or has ended some other way.
func (h *Held) Outcome(ctx context.Context) (Outcome, error) {
	return h.host.outcome(ctx, func(news) {})
}

// Said is what the host process has written to standard error so far.
func (h *Held) Said() (string, error) {
	text, err := os.ReadFile(heldStderr(h.folder))
	return string(text), err
}

// Close ends every process of the cell.
func (h *Held) Close() error { return errors.Join(h.host.end(), os.RemoveAll(h.folder)) }

func heldStderr(folder string) string { return filepath.Join(folder, "stderr") }
