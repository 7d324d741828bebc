//go:build ddcfault

package peer

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"ddc/conformance/peer/peerpb"
	"ddc/internal/fault"
	"ddc/rpc"
)

// endureTime is how long calls are made from a host that may be wrong.
const endureTime = 2 * time.Second

// EndureRule is what a program breaks that Endure finds fault with.
const EndureRule = "whatever its host does, a program ends by itself once the lifeline has ended, and never by a crash"

// Endure makes calls of a program from this process, which may have a fault
// switched on, for two seconds. What becomes of the calls is the host's fault.
// Then the host's end is as if its process had died, and the program must end:
// with status 0 or 1, not by a signal, and within the time in which a sound
// host would have it end. A program may end earlier: with status 0 if the host
// has closed the link, and with status 1 and a sentence if it finds in the hub
// what no sound host writes.
//
// The hub is not closed, as a faulty one may not close: the caller's process is
// to end soon.
func Endure(ctx context.Context, s Subject) error {
	// A program that was built with the faults is to have none.
	b, err := startBare(s, func(terms []string) []string { return append(terms, fault.Variable+"=") })
	if err != nil {
		return err
	}
	conn := rpc.NewConn(b.offer.Link, rpc.ConnOptions{Name: name})
	b.callFor(ctx, peerpb.NewPeerClient(conn))
	early := false
	select {
	case <-b.ended:
		early = true
	default:
	}
	if err := b.lifeline.Close(); err != nil {
		return err
	}
	state, err := b.end(ctx)
	if err != nil {
		_ = b.cmd.Process.Kill() // it is what is told
		return fmt.Errorf("the host has died: %w\nrule: %s", err, EndureRule)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signaled() || status.ExitStatus() > 1 || early && status.ExitStatus() == 1 && b.said.String() == "" {
		return fmt.Errorf("the program ended with %v, and said %q\nrule: %s", state, b.said, EndureRule)
	}
	return nil
}

// callFor makes calls from sixteen callers for a while, or until the program
// ends. A call may never return: nobody waits for it.
func (b *bare) callFor(ctx context.Context, client peerpb.PeerClient) {
	ctx, cancel := context.WithTimeout(ctx, endureTime)
	defer cancel()
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				within, cancel := context.WithTimeout(ctx, endureTime/4)
				_, _ = client.Echo(within, &peerpb.Work{Body: body(boundaries[n%20], byte(n))})
				cancel()
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		callers.Wait()
	}()
	select {
	case <-over:
	case <-b.ended:
	case <-time.After(2 * endureTime):
	}
}
