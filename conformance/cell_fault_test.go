//go:build ddcfault

package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"ddc/conformance/scenario"
	"ddc/transport"
	"ddc/transport/inproc"
	"ddc/wake"
)

// cell is one program on one strategy, run in a process of its own, so that a
// fault is on in all that it does and in the peers that it starts.
type cell struct {
	Program, Strategy string
	Seed              uint64
	Rounds            int
	Settle            time.Duration
}

// outcome is what a cell's process says of it.
type outcome struct {
	// Error is what the program found, or "".
	Error string
	// Lost says that it found a sleeper that nothing will wake, Undelivered one
	// that a token does not wake.
	Lost, Undelivered bool
}

const cellVariable = "DDC_CELL"

// inprocName stands for the control group where a strategy is named.
const inprocName = "inproc"

// serveCell runs the cell that this process was started for, and ends it.
func serveCell() {
	text := os.Getenv(cellVariable)
	if text == "" || scenario.IsPeer() {
		return
	}
	var c cell
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = c.run(context.Background())
	}
	var o outcome
	if err != nil {
		var lost *scenario.LostWakeup
		o = outcome{Error: err.Error()}
		if errors.As(err, &lost) {
			o.Lost, o.Undelivered = !lost.At.Token, lost.At.Token
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
		os.Exit(2)
	}
	os.Exit(0)
}

func (c cell) run(ctx context.Context) error {
	if c.Strategy == inprocName {
		return c.overLinks(ctx, func(scenario.Room) (transport.Transport, error) { return inproc.New(), nil })
	}
	if _, err := strategyByName(c.Strategy); err != nil {
		return err
	}
	strategy := func() wake.Strategy { s, _ := strategyByName(c.Strategy); return s }
	if i := slices.IndexFunc(scenario.Wakers(), func(p scenario.Program) bool { return p.Name == c.Program }); i >= 0 {
		return scenario.Wakers()[i].Run(ctx, &scenario.Env{
			Strategy: strategy, Seed: c.Seed, Rounds: c.Rounds, Settle: c.Settle,
			Peer: func() *exec.Cmd { return exec.Command("/proc/self/exe") },
		})
	}
	return c.overLinks(ctx, func(room scenario.Room) (transport.Transport, error) { return newHub(room, strategy(), wake.SpinOff) })
}

func (c cell) overLinks(ctx context.Context, open func(scenario.Room) (transport.Transport, error)) error {
	for _, p := range scenario.Transports() {
		if p.Name == c.Program {
			return p.Run(ctx, &scenario.LinkEnv{Seed: c.Seed, Rounds: c.Rounds, Settle: c.Settle, New: open})
		}
	}
	return fmt.Errorf("there is no program %q", c.Program)
}

func overLinks(program string) bool {
	return slices.ContainsFunc(scenario.Transports(), func(p scenario.LinkProgram) bool { return p.Name == program })
}
