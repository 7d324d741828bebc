package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"

	"ddc/shm"
	"ddc/wake"
)

// hostEnds are the host's ends of up to 16 connections.
type hostEnds struct {
	env      *Env
	segment  *shm.Segment
	page     *connectionsPage
	strategy wake.Strategy
	ends     []*end
	files    [][2][]*os.File
	// processes says that the peers are processes, not goroutines.
	processes bool

	mu       sync.Mutex
	commands map[int]*exec.Cmd
}

func (e *Env) newHostEnds(connections, cells int, spin wake.Spin, processes bool) (_ *hostEnds, err error) {
	if processes && e.Peer == nil {
		return nil, ErrNoPeers
	}
	b := &hostEnds{env: e, strategy: e.Strategy(), processes: processes, commands: map[int]*exec.Cmd{}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("set up connections: %w", err), b.close())
		}
	}()
	// The size of the page, rounded up.
	if b.segment, err = shm.Create("ddc-scenario", 1<<20); err != nil {
		return nil, err
	}
	if b.page, err = shm.View[connectionsPage](b.segment, 0); err != nil {
		return nil, err
	}
	for n := range connections {
		var files [2][]*os.File
		for side := range files {
			if files[side], err = b.strategy.Make(); err != nil {
				return nil, err
			}
		}
		b.files = append(b.files, files)
		l, err := e.openEnd(b.page, n, hostSide, cells, b.strategy, files, spin)
		if err != nil {
			return nil, err
		}
		b.ends = append(b.ends, l)
	}
	return b, nil
}

// withPeer plays with one connection whose peer is a process. Sending is done
// until stopSending is called.
func (e *Env) withPeer(ctx context.Context, cells int, play func(b *hostEnds, d *driver, sending context.Context, stopSending context.CancelCauseFunc) error) (err error) {
	b, err := e.newHostEnds(1, cells, wake.SpinOff, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	sending, stopSending := context.WithCancelCause(ctx)
	defer stopSending(nil)
	return play(b, &driver{end: b.ends[0]}, sending, stopSending)
}

// killed runs the peer until it is killed, as it must be, and then does what a
// host does that watches its processes. The host leaves the token: the flag in
// shared memory may be taken, and nobody alive owes the token.
func (b *hostEnds) killed(ctx context.Context, d *driver, r role) error {
	if err := b.peer(0, r)(ctx); !errors.Is(err, errKilled) {
		return errors.Join(err, errors.New("the peer ended by itself"))
	}
	d.page.Closed[peerSide].Store(1)
	d.page.Ended[peerSide].Store(d.page.Begun[peerSide].Load())
	return d.own.Repay()
}

// stop frees every sleeper of this process.
func (b *hostEnds) stop() {
	for _, l := range b.ends {
		_ = l.shut()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.commands {
		_ = c.Process.Kill()
	}
}

func (b *hostEnds) close() error {
	var errs []error
	for _, l := range b.ends {
		errs = append(errs, l.shut())
	}
	for _, files := range b.files {
		for _, f := range slices.Concat(files[0], files[1]) {
			errs = append(errs, f.Close())
		}
	}
	if b.segment != nil {
		errs = append(errs, b.segment.Close())
	}
	return errors.Join(errs...)
}

func (b *hostEnds) look() ([]Snapshot, error) {
	var all []Snapshot
	for n, l := range b.ends {
		s, err := l.snapshots(n)
		if err != nil {
			return nil, err
		}
		all = append(all, s...)
	}
	return all, nil
}

// errKilled is the end of a peer that the program killed.
var errKilled = errors.New("peer was killed")

// peer is an actor: the peer of connection n, in this process or in one of its
// own.
func (b *hostEnds) peer(n int, r role) func(context.Context) error {
	r.Connection, r.Cells, r.Strategy = n, b.ends[n].cells, b.strategy.Name()
	if r.Spin == "" {
		r.Spin = "off"
	}
	if b.processes {
		return func(ctx context.Context) error { return b.process(ctx, r) }
	}
	return func(ctx context.Context) (err error) {
		mapping, err := remap(b.segment)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, mapping.Close()) }()
		page, err := shm.View[connectionsPage](mapping, 0)
		if err != nil {
			return err
		}
		return b.env.echo(ctx, page, r, b.env.Strategy(), b.files[n])
	}
}

func (b *hostEnds) process(ctx context.Context, r role) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("start peer %d: %w", r.Connection, err)
	}
	files := slices.Concat(b.files[r.Connection][0], b.files[r.Connection][1])
	c := b.env.Peer()
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	c.Env = append(os.Environ(), peerVariable+"="+string(text), fmt.Sprintf("%s_FILES=%d", peerVariable, len(files)), "GOMAXPROCS=1")
	lifeline, err := c.StdinPipe()
	if err != nil {
		return fmt.Errorf("start peer %d: %w", r.Connection, err)
	}
	defer lifeline.Close() //nolint:errcheck // the peer has ended
	c.ExtraFiles = append([]*os.File{b.segment.File()}, files...)
	b.mu.Lock()
	err = c.Start()
	if err == nil {
		b.commands[r.Connection] = c
	}
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start peer %d: %w", r.Connection, err)
	}
	err = c.Wait()
	b.mu.Lock()
	delete(b.commands, r.Connection)
	b.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return nil // stop killed it; the cause is reported by whoever failed
	case c.ProcessState.String() == "signal: killed":
		return errKilled
	}
	return fmt.Errorf("peer %d: %w\n%s", r.Connection, err, output.Bytes())
}

// pid is the process of connection n's peer, once it runs.
func (b *hostEnds) pid(ctx context.Context, n int) (int, error) {
	pid := 0
	err := until(ctx, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if c := b.commands[n]; c != nil {
			pid = c.Process.Pid
		}
		return pid != 0
	})
	return pid, err
}
