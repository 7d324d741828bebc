package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Held is a cell that stays as it is once it has hung, so that others can look
// at it from outside.
type Held struct {
	host   *hostProcess
	folder string
}

// Holding starts cells that are held.
type Holding struct {
	options Options
	tree    string
}

// Hold prepares for cells. It uses Program, Args, Open, Site and Calls of o.
func Hold(ctx context.Context, o Options) (*Holding, error) {
	if o.Calls == 0 {
		o.Calls = DefaultCalls
	}
	tree, err := controlTree(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("build the site to compare with: %w", err)
	}
	return &Holding{o, tree}, nil
}

// Start starts a cell, with seed for its random choices. On SIGUSR1 its host
// process writes a dump, which Said returns.
func (h *Holding) Start(faultName, strategy string, seed uint64) (*Held, error) {
	folder, err := os.MkdirTemp(h.options.Folder, "ddc-matrix-")
	if err != nil {
		return nil, err
	}
	host, err := startHost(h.options, task{
		Fault: faultName, Strategy: strategy, Calls: h.options.Calls, Seed: seed,
		Site: h.options.Site, Output: filepath.Join(folder, "site"), Tree: h.tree, Hold: true,
	}, folder)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fault %s on %s: %w", faultName, strategy, err), os.RemoveAll(folder))
	}
	return &Held{host, folder}, nil
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
