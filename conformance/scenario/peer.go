package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"ddc/ring"
	"ddc/shm"
	"ddc/wake"
)

// peerVariable is the environment variable that makes a process a peer.
const peerVariable = "DDC_SCENARIO_PEER"

// role is what a peer is to do, beside echoing every message.
type role struct {
	Strategy   string
	Connection int
	Cells      int
	// Spin is what wake.ParseSpin takes.
	Spin string
	// Others has other goroutines run in the peer, which count connection.Beat.
	Others bool
	// Busy has a goroutine hold the processor that never yields.
	Busy bool
	// Flip has the peer flip O_NONBLOCK on what it inherited, all the while.
	Flip bool
	// CloseAfter closes the peer's side after so many echoes; 0 is never.
	CloseAfter uint64
	// DieBeforeTokenAfter has the peer die after so many echoes, with the
	// host's flag taken and no token left; 0 is never.
	DieBeforeTokenAfter uint64
}

// IsPeer says that this process was started as a peer.
func IsPeer() bool { return os.Getenv(peerVariable) != "" }

// ServePeer is the main of a peer process: it returns when its program is
// over. The process inherits the memory as descriptor 3, then the bells'
// files, host's first; standard input is its lifeline.
func ServePeer(strategies ...func() wake.Strategy) error {
	var r role
	if err := json.Unmarshal([]byte(os.Getenv(peerVariable)), &r); err != nil {
		return fmt.Errorf("read role: %w", err)
	}
	go func() { // the host is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	segment, err := shm.Open(os.NewFile(3, "connections"))
	if err != nil {
		return err
	}
	shared, err := shm.View[connectionsPage](segment, 0)
	if err != nil {
		return err
	}
	for _, s := range strategies {
		if s().Name() != r.Strategy {
			continue
		}
		files, err := inherited()
		if err != nil {
			return err
		}
		return (&Env{Strategy: s}).echo(context.Background(), shared, r, s(), files)
	}
	return fmt.Errorf("no strategy %q here", r.Strategy)
}

// inherited opens the bells' files: all descriptors from 4 on, as many for
// either bell.
func inherited() (bells [2][]*os.File, err error) {
	var count int
	if _, err := fmt.Sscan(os.Getenv(peerVariable+"_FILES"), &count); err != nil {
		return bells, fmt.Errorf("read the number of files: %w", err)
	}
	for i := range count {
		half := i / (count / 2)
		bells[half] = append(bells[half], os.NewFile(uintptr(4+i), fmt.Sprintf("file %d of bell %d", i%(count/2), half)))
	}
	return bells, nil
}

// echo is the peer's side of a connection: it sends back what it gets. The pump
// never sends; it hands over to a goroutine that may block.
func (e *Env) echo(ctx context.Context, shared *connectionsPage, r role, s wake.Strategy, files [2][]*os.File) (err error) {
	spin, err := wake.ParseSpin(r.Spin)
	if err != nil {
		return err
	}
	l, err := e.openEnd(shared, r.Connection, peerSide, r.Cells, s, files, spin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.shut()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var besides sync.WaitGroup
	defer besides.Wait()
	defer cancel(nil)
	besides.Go(func() { // a waker at fault may not wake its sleeper for the end of ctx
		<-ctx.Done()
		_ = l.shut()
	})
	r.besides(ctx, &besides, l.page, files)

	received := backlog{more: make(chan struct{}, 1)}
	var echoer sync.WaitGroup
	echoer.Go(func() {
		if err := l.sendBack(ctx, r, &received); err != nil {
			cancel(err)
		}
	})
	err = l.pump(ctx, received.add)
	if err == nil {
		// The pump has ended because the host has closed, so nobody reads any
		// more. Echoes that still wait for room must give up.
		cancel(errPeerClosed)
	}
	close(received.more)
	echoer.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, errPeerClosed) {
		return nil
	}
	return err
}

// backlog is what a pump has received and nobody has sent back yet.
type backlog struct {
	mu    sync.Mutex
	queue []ring.Descriptor
	more  chan struct{} // a value for new ones; closed when no more come
}

func (b *backlog) add(d *ring.Descriptor) error {
	b.mu.Lock()
	b.queue = append(b.queue, *d)
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
	return nil
}

// take waits until there are some, and takes them all; none means that no more
// come.
func (b *backlog) take() []ring.Descriptor {
	for {
		_, open := <-b.more
		b.mu.Lock()
		batch := b.queue
		b.queue = nil
		b.mu.Unlock()
		if len(batch) > 0 || !open {
			return batch
		}
	}
}

// sendBack sends back what comes, until no more does or the peer is to end.
func (l *end) sendBack(ctx context.Context, r role, received *backlog) error {
	echoed := uint64(0)
	for batch := received.take(); len(batch) > 0; batch = received.take() {
		for i := range batch {
			if err := l.send(ctx, &batch[i]); err != nil {
				return err
			}
			if echoed++; echoed == r.CloseAfter {
				return errors.Join(l.close(), errPeerClosed)
			}
			if echoed == r.DieBeforeTokenAfter {
				return l.dieBeforeToken(ctx)
			}
		}
	}
	return nil
}

// besides starts what else goes on in the peer.
func (r role) besides(ctx context.Context, running *sync.WaitGroup, page *connectionPage, files [2][]*os.File) {
	if r.Others {
		running.Go(func() { // one that is always ready to run
			for ctx.Err() == nil {
				page.Beat.Add(1)
				runtime.Gosched()
			}
		})
		running.Go(func() { // one that a timer wakes
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				<-tick.C
				page.Beat.Add(1)
			}
		})
	}
	if r.Busy {
		running.Go(func() {
			for n := 0; n%4096 != 0 || ctx.Err() == nil; n++ {
			}
		})
	}
	if r.Flip {
		running.Go(func() {
			for on := false; ctx.Err() == nil; on = !on {
				if flip(files[0], on) != nil || flip(files[1], on) != nil {
					return
				}
				runtime.Gosched()
			}
		})
	}
}
