package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"ddc/internal/sys"
	"ddc/shm"
	"ddc/wake"
)

// envTask tells a process that Run has started what to do.
const envTask = "DDC_WAKEBENCH"

const (
	rolePeer   = "peer"
	roleBurner = "burner"
)

// task is what envTask says.
type task struct {
	role     string
	strategy string // of a peer, as the rest
	spin     string
	files    int // inherited, from descriptor 3 on
}

const taskFormat = "%s wake=%s spin=%s files=%d"

func (t task) String() string {
	if t.role == roleBurner {
		return t.role
	}
	return fmt.Sprintf(taskFormat, t.role, t.strategy, t.spin, t.files)
}

func parseTask(text string) (t task, err error) {
	if text == roleBurner {
		return task{role: roleBurner}, nil
	}
	if _, err := fmt.Sscanf(text, taskFormat, &t.role, &t.strategy, &t.spin, &t.files); err != nil || t.role != rolePeer {
		return t, fmt.Errorf("%s=%q: this command is for wake bench to start, not for people", envTask, text)
	}
	return t, nil
}

// Peer is the other process of a pair. It returns nil when standard input ends.
func Peer(ctx context.Context) error {
	t, err := parseTask(os.Getenv(envTask))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// Nobody writes to the lifeline. Reading ends when the measuring
		// process ends.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if t.role == roleBurner {
		return burn(ctx)
	}
	e, err := t.open()
	if err != nil {
		return err
	}
	err = answer(ctx, e)
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, e.close())
}

// burn keeps one processor busy.
func burn(ctx context.Context) error {
	for ctx.Err() == nil { //nolint:revive // to do nothing is the point
	}
	return nil
}

func (t task) open() (*end, error) {
	spin, err := wake.ParseSpin(t.spin)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for n := range t.files {
		f, err := sys.Inherited(3+n, fmt.Sprintf("doorbell file %d", n))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files)%2 == 0 {
		return nil, fmt.Errorf("%s: %d files cannot be a segment and two equal doorbells", envTask, len(files))
	}
	defer func() {
		for _, f := range files[1:] {
			_ = f.Close() // the wakers have their own
		}
	}()
	segment, err := shm.Open(files[0])
	if err != nil {
		return nil, err
	}
	half := 1 + (len(files)-1)/2
	return openEnd(segment, there, t.strategy, spin, [2][]*os.File{files[1:half], files[half:]})
}

// answer does what descriptors ask for, until ctx is done.
func answer(ctx context.Context, e *end) error {
	var r report
	for {
		d, err := e.receive(ctx)
		if err != nil {
			return err
		}
		switch d[0] {
		case opCount:
			r.counted++
			continue
		case opReport:
			if r.usage, err = ownUsage(); err != nil {
				return err
			}
			r.encode(d)
		}
		if err := e.send(ctx, d); err != nil {
			return err
		}
	}
}
