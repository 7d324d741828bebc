package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"ddc/internal/sys"
	"ddc/ring"
	"ddc/shm"
	"ddc/wake"
	"ddc/wake/strategy"
)

// pair is a process of its own, and this one's end.
type pair struct {
	name string
	*end
	process *process
	counted uint64 // messages of streams so far
}

// process is a started peer or burner. It ends when its standard input does.
type process struct {
	cmd      *exec.Cmd
	lifeline io.Closer
	ctx      context.Context // done when the process has ended, for whatever reason
	ended    chan struct{}
	err      error // of the process; read after ended
}

func startPair(ctx context.Context, name string, spin wake.Spin, command func() (string, []string)) (*pair, error) {
	s, err := strategy.ByName(name)
	if err != nil {
		return nil, err
	}
	segment, err := shm.Create("ddc-bench", segmentSize)
	if err != nil {
		return nil, err
	}
	memfd, err := sys.Dup(segment.File())
	if err != nil {
		return nil, errors.Join(err, segment.Close())
	}
	files := []*os.File{memfd}
	defer func() {
		for _, f := range files {
			_ = f.Close() // the peer has its own
		}
	}()
	var bells [2][]*os.File
	for side := range bells {
		if bells[side], err = s.Make(); err != nil {
			return nil, errors.Join(err, segment.Close())
		}
		files = append(files, bells[side]...)
	}
	e, err := openEnd(segment, here, name, spin, bells)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, task{role: rolePeer, strategy: name, spin: spin.String(), files: len(files)}, files, command)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return &pair{name: name, end: e, process: p}, nil
}

// start runs Command for a task.
func start(ctx context.Context, t task, files []*os.File, command func() (string, []string)) (*process, error) {
	path, args := command()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), envTask+"="+t.String(), "GOMAXPROCS=1")
	cmd.ExtraFiles = files
	cmd.Stderr = os.Stderr
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	p := &process{cmd: cmd, lifeline: lifeline, ended: make(chan struct{})}
	var cancel context.CancelCauseFunc
	p.ctx, cancel = context.WithCancelCause(ctx)
	go func() {
		defer close(p.ended)
		if p.err = cmd.Wait(); p.err != nil {
			p.err = fmt.Errorf("%s %s: %w", t.role, path, p.err)
			cancel(p.err)
		}
		cancel(fmt.Errorf("%s %s has ended", t.role, path))
	}()
	return p, nil
}

// stop ends the process, and says whether it ended well.
func (p *process) stop() error {
	_ = p.lifeline.Close() // closed already where the process has ended
	<-p.ended
	return p.err
}

// startBurner keeps a processor busy until the function returned is called.
func startBurner(ctx context.Context, command func() (string, []string)) (stop func() error, err error) {
	p, err := start(ctx, task{role: roleBurner}, nil, command)
	if err != nil {
		return nil, err
	}
	return p.stop, nil
}

func (p *pair) close() error {
	return errors.Join(p.process.stop(), p.end.close())
}

// fail says why a pair failed. If the process has ended, that is the reason,
// rather than an error that followed from it.
func (p *pair) fail(err error) error {
	if cause := context.Cause(p.process.ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("measure %s: %w", p.name, err)
}

// trips makes n round trips, and adds what each took to times, if not nil.
func (p *pair) trips(n int, times *[]time.Duration) error {
	d := ring.Descriptor{opEcho}
	for range n {
		start := time.Now()
		if _, err := p.ask(&d); err != nil {
			return err
		}
		if times != nil {
			*times = append(*times, time.Since(start))
		}
	}
	return nil
}

func (p *pair) ask(d *ring.Descriptor) (*ring.Descriptor, error) {
	if err := p.send(p.process.ctx, d); err != nil {
		return nil, p.fail(err)
	}
	answer, err := p.receive(p.process.ctx)
	if err != nil {
		return nil, p.fail(err)
	}
	return answer, nil
}

// stream sends n messages flat out, and waits until the last is received.
func (p *pair) stream(n int) error {
	d := ring.Descriptor{opCount}
	for range n {
		if err := p.send(p.process.ctx, &d); err != nil {
			return p.fail(err)
		}
	}
	p.counted += uint64(n)
	r, err := p.report()
	if err != nil {
		return err
	}
	if r.counted != p.counted {
		return p.fail(fmt.Errorf("sent %d messages, the other process has %d", p.counted, r.counted))
	}
	return nil
}

func (p *pair) report() (report, error) {
	d, err := p.ask(&ring.Descriptor{opReport})
	if err != nil {
		return report{}, err
	}
	word := func(at int) uint64 { return binary.NativeEndian.Uint64(d[at:]) }
	return report{counted: word(8), usage: usage{switches: word(16), cpu: time.Duration(word(24))}}, nil
}

// measure says what work used in both processes.
func (p *pair) measure(work func() error) (usage, error) {
	before, err := p.usage()
	if err != nil {
		return usage{}, err
	}
	if err := work(); err != nil {
		return usage{}, err
	}
	after, err := p.usage()
	return after.minus(before), err
}

func (p *pair) usage() (usage, error) {
	theirs, err := p.report()
	if err != nil {
		return usage{}, err
	}
	ours, err := ownUsage()
	if err != nil {
		return usage{}, p.fail(err)
	}
	total := ours.plus(theirs.usage)
	for _, bell := range []*wake.Doorbell{p.bell, p.peer} {
		s := bell.Stats()
		total.sent += s.Sent
		total.received += s.Received
	}
	return total, nil
}
