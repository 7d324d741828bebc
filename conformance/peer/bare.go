package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"ddc/conformance/peer/peerpb"
	"ddc/plugin/agreement"
	"ddc/rpc"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// bare is a program on a hub, without a host that would start it again: for
// what a host does at most once, and for what a sound host never does.
type bare struct {
	hub      *hub.Hub
	offer    *hub.Offer
	cmd      *exec.Cmd
	lifeline *os.File
	said     *output
	ended    chan struct{} // closed when state is set
	state    *os.ProcessState
}

// output keeps what the program writes, as far as anybody reads.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if room := 4<<10 - o.text.Len(); room > 0 {
		o.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(o.text.String())
}

// startBare starts the program on a hub of its own. terms may change what it is
// told.
func startBare(s Subject, terms func([]string) []string) (_ *bare, err error) {
	waking, err := strategy.ByName(s.Wake)
	if err != nil {
		return nil, err
	}
	b := &bare{said: &output{}, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.hub, err = hub.Create(s.Room.options()); err != nil {
		return nil, err
	}
	if b.offer, err = b.hub.Offer(name, waking); err != nil {
		return nil, err
	}
	defer b.offer.Close()
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a lifeline: %w", err)
	}
	defer theirs.Close() //nolint:errcheck // the program has its own by then
	b.lifeline = ours
	b.cmd = exec.Command(s.Program, s.Args...)
	b.cmd.Env = append(os.Environ(), terms(agreement.Terms{Name: name, Hub: b.offer.Text, Spin: wake.SpinAuto}.Environ())...)
	b.cmd.ExtraFiles = append([]*os.File{theirs}, b.offer.Files...)
	b.cmd.Stderr = b.said
	b.cmd.WaitDelay = time.Second
	if err := b.cmd.Start(); err != nil {
		b.cmd = nil
		return nil, fmt.Errorf("start the program: %w", err)
	}
	go func() {
		defer close(b.ended)
		_ = b.cmd.Wait() // the state says it
		b.state = b.cmd.ProcessState
		how := b.state.String()
		if !b.offer.Link.Attached() {
			how += ", before it had attached to its host"
		}
		b.offer.Link.PeerDied(errors.New(how))
	}()
	return b, nil
}

func sound(terms []string) []string { return terms }

// end waits until the program has ended, and says how.
func (b *bare) end(ctx context.Context) (*os.ProcessState, error) {
	select {
	case <-b.ended:
		return b.state, nil
	case <-time.After(still):
		return nil, fmt.Errorf("after %v the program still runs; it said %q", still, b.said)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (b *bare) close() error {
	var errs []error
	if b.lifeline != nil {
		errs = append(errs, b.lifeline.Close())
	}
	if b.cmd != nil {
		_ = b.cmd.Process.Kill() // it may have ended
		<-b.ended
	}
	if b.hub != nil {
		errs = append(errs, b.hub.Close())
	}
	return errors.Join(errs...)
}

// endedBy starts a program, makes a call, runs what ends it, and says with
// which status it ended.
func endedBy(ctx context.Context, s Subject, terms func([]string) []string, by func(*bare, *rpc.Conn) error) (state *os.ProcessState, err error) {
	b, err := startBare(s, terms)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	conn := rpc.NewConn(b.offer.Link, rpc.ConnOptions{Name: name})
	defer conn.Close() //nolint:errcheck // by ends it
	sent := body(100, 0)
	got, err := peerpb.NewPeerClient(conn).Echo(ctx, &peerpb.Work{Body: sent})
	if err != nil {
		return nil, fmt.Errorf("a call: %w; the program said %q", err, b.said)
	}
	if err := same(got.Body, inverted(sent)); err != nil {
		return nil, err
	}
	if err := by(b, conn); err != nil {
		return nil, err
	}
	return b.end(ctx)
}

func hostCloses(ctx context.Context, s Subject) error {
	state, err := endedBy(ctx, s, sound, func(_ *bare, c *rpc.Conn) error { return c.Close() })
	if err != nil {
		return err
	}
	if !state.Success() {
		return fmt.Errorf("the program ended with %v, want status 0", state)
	}
	return nil
}

// hostDies ends the lifeline while a handler is at work for an hour. The link
// stays open, as a host that was killed leaves it.
func hostDies(ctx context.Context, s Subject) error {
	_, err := endedBy(ctx, s, sound, func(b *bare, c *rpc.Conn) error {
		within, cancel := context.WithCancel(ctx)
		defer cancel()
		over := make(chan struct{})
		go func() {
			defer close(over)
			_, _ = peerpb.NewPeerClient(c).Echo(within, &peerpb.Work{Hold: long}) // its error is the link's end
		}()
		if err := b.lifeline.Close(); err != nil {
			return err
		}
		b.lifeline = nil
		if _, err := b.end(ctx); err != nil {
			return fmt.Errorf("the lifeline has ended: %w", err)
		}
		<-over
		return nil
	})
	return err
}

// refused checks that a program that is started so ends with status 1, and says
// why.
func refused(ctx context.Context, s Subject, terms func([]string) []string) (err error) {
	b, err := startBare(s, terms)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	state, err := b.end(ctx)
	if err != nil {
		return err
	}
	if said := b.said.String(); state.ExitCode() != 1 || said == "" {
		return fmt.Errorf("the program ended with %v and said %q, want status 1 and a sentence", state, said)
	}
	if b.offer.Link.Attached() {
		return errors.New("the program attached all the same")
	}
	return nil
}

func refusesTerms(ctx context.Context, s Subject) error {
	return refused(ctx, s, func(terms []string) []string { return append(terms, agreement.Version+"=0") })
}

// refusesLayout offers a hub of another layout: the version in the offer is
// what a program sees first.
func refusesLayout(ctx context.Context, s Subject) error {
	return refused(ctx, s, func(terms []string) []string {
		for _, variable := range terms {
			if rest, ok := strings.CutPrefix(variable, agreement.Hub+"=v"); ok {
				terms = append(terms, agreement.Hub+"=v9"+rest)
			}
		}
		return terms
	})
}
