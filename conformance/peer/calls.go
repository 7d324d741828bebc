package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/conformance/peer/peerpb"
)

// body is n bytes that differ from each other and from those of other seeds.
func body(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7) + byte(i>>8) + seed
	}
	return b
}

// echo makes a call, and checks its answer.
func (a *arena) echo(ctx context.Context, n int, seed byte) error {
	sent := body(n, seed)
	got, err := a.client.Echo(ctx, &peerpb.Work{Body: sent})
	if err != nil {
		return fmt.Errorf("call with %d bytes: %w", n, err)
	}
	return same(got.GetBody(), inverted(sent))
}

func same(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("the answer has %d bytes, want %d, and differs from byte %d on", len(got), len(want), at)
}

// boundaries are sizes around those where a payload travels in another way.
var boundaries = []int{0, 1, 40, 44, 45, 46, 47, 48, 49, 64, 127, 128, 1000, 1020, 1021, 1022, 1023, 1024, 1025, 16 << 10, 64<<10 - 4, 64 << 10, 64<<10 + 1, 256 << 10, 1 << 20, 4<<20 + 1, 8 << 20}

func sizes(ctx context.Context, a *arena) error {
	for i, n := range boundaries {
		if err := a.echo(ctx, n, byte(i)); err != nil {
			return err
		}
	}
	return nil
}

// callers has 1 to 600 callers at once, with payloads of every kind.
func callers(ctx context.Context, a *arena) error {
	for _, crowd := range []int{1, 8, 64, 600} {
		calls := atomic.Int64{}
		calls.Store(int64(a.parts(4000) + crowd))
		g, ctx := errgroup.WithContext(ctx)
		for i := range crowd {
			random := rand.New(rand.NewPCG(uint64(crowd), uint64(i)))
			g.Go(func() error {
				for calls.Add(-1) >= 0 {
					if err := a.echo(ctx, boundaries[random.IntN(18)]+random.IntN(3), byte(i)); err != nil {
						return fmt.Errorf("caller %d of %d: %w", i, crowd, err)
					}
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func statuses(ctx context.Context, a *arena) error {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		for _, text := range []string{"", "short", "ä" + strings.Repeat("long ", 4000)} {
			_, err := a.client.Echo(ctx, &peerpb.Work{Code: uint32(code), Body: []byte(text)})
			if s := status.Convert(err); s.Code() != code || s.Message() != text {
				return fmt.Errorf("status %v with a text of %d bytes came as %v with %d bytes", code, len(text), s.Code(), len(s.Message()))
			}
		}
	}
	for _, method := range []string{"/ddc.conformance.v1.Peer/Nothing", "/nobody.Nowhere/Nothing"} {
		err := a.plugin.Invoke(ctx, method, &peerpb.Work{}, &peerpb.Work{})
		if status.Code(err) != codes.Unimplemented {
			return fmt.Errorf("method %s, which there is none of: %w", method, orNone(err))
		}
	}
	return a.echo(ctx, 100, 0)
}

var errNone = errors.New("no error")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// long is longer than any trial.
const long = uint64(time.Hour / time.Microsecond)

// deadlines has calls that take an hour, of which the client allows some
// milliseconds. Their handlers have ended if nothing is left (idle).
func deadlines(ctx context.Context, a *arena) error {
	if err := a.echo(ctx, 1, 0); err != nil { // it has started
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := range 40 {
		g.Go(func() error {
			within, cancel := context.WithTimeout(ctx, time.Duration(1+i)*time.Millisecond)
			defer cancel()
			_, err := a.client.Echo(within, &peerpb.Work{Hold: long, Body: body(i*100, 0)})
			if status.Code(err) != codes.DeadlineExceeded {
				return fmt.Errorf("a call of an hour, with a deadline of milliseconds: %w", orNone(err))
			}
			return a.echo(ctx, 10, byte(i))
		})
	}
	return g.Wait()
}

// cancellation cancels calls before, while and after the program works on them.
func cancellation(ctx context.Context, a *arena) error {
	if err := a.echo(ctx, 1, 0); err != nil {
		return err
	}
	g, grouped := errgroup.WithContext(ctx)
	for i := range a.parts(200) {
		g.Go(func() error {
			within, cancel := context.WithCancel(grouped)
			defer cancel()
			stop := time.AfterFunc(time.Duration(i%20)*100*time.Microsecond, cancel)
			defer stop.Stop()
			_, err := a.client.Echo(within, &peerpb.Work{Hold: long, Body: body(i*20, 0)})
			if status.Code(err) != codes.Canceled {
				return fmt.Errorf("a cancelled call: %w", orNone(err))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := a.cancelledAtWork(ctx); err != nil {
		return err
	}
	return a.echo(ctx, 2000, 1)
}

// held has calls that take an hour, one more at a time, and makes others of
// every kind meanwhile. A program whose handlers keep it from receiving, or run
// one at a time, answers none of these.
func held(ctx context.Context, a *arena) error {
	const hours = 12
	if err := a.echo(ctx, 1, 0); err != nil { // it has started
		return err
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, hours)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for begun := range hours {
		go func() {
			_, err := a.client.Echo(within, &peerpb.Work{Hold: long, Body: body(begun*100, 0)})
			ended <- err
		}()
		for now := a.handlers(); now >= 0 && now <= begun; now = a.handlers() {
			select {
			case err := <-ended:
				return fmt.Errorf("a call of an hour: %w", orNone(err))
			case <-look.C:
			}
		}
		for i := range a.parts(18) {
			if err := a.echo(ctx, boundaries[i], byte(begun)); err != nil {
				return fmt.Errorf("while %d calls take an hour: %w", begun+1, err)
			}
		}
	}
	cancel()
	for range hours {
		if err := <-ended; status.Code(err) != codes.Canceled {
			return fmt.Errorf("a call of an hour that is cancelled: %w", orNone(err))
		}
	}
	return a.echo(ctx, 100, 0)
}

// cancelledAtWork cancels a call that the program is at work on, if it counts
// its handlers: on a busy machine all others may be over before they are sent.
func (a *arena) cancelledAtWork(ctx context.Context) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := a.client.Echo(within, &peerpb.Work{Hold: long})
		ended <- err
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for a.handlers() == 0 {
		select {
		case err := <-ended:
			return fmt.Errorf("a call of an hour: %w", orNone(err))
		case <-look.C:
		}
	}
	cancel()
	if err := <-ended; status.Code(err) != codes.Canceled {
		return fmt.Errorf("a call that is cancelled while it is at work: %w", orNone(err))
	}
	return nil
}
