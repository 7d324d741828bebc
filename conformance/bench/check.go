package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"ddc/shm"
	"ddc/wake"
	"ddc/wake/strategy"
)

// Availability says whether a strategy works on this machine.
type Availability struct {
	Strategy string
	// Needs says what the strategy needs of the kernel.
	Needs string
	// Err is why it does not work, or nil.
	Err error
}

// MarshalJSON writes the error as its text.
func (a Availability) MarshalJSON() ([]byte, error) {
	out := struct {
		Strategy string `json:"strategy"`
		Needs    string `json:"needs"`
		Works    bool   `json:"works"`
		Error    string `json:"error,omitempty"`
	}{a.Strategy, a.Needs, a.Err == nil, ""}
	if a.Err != nil {
		out.Error = a.Err.Error()
	}
	return json.Marshal(out)
}

// Check tries every strategy: it makes a waker on shared memory, rings it and
// waits for it. A wait that never returns is ended with ctx.
func Check(ctx context.Context) []Availability {
	var all []Availability
	for _, s := range strategy.All() {
		a := Availability{Strategy: s.Name(), Needs: s.Needs()}
		if err := try(ctx, s); err != nil {
			a.Err = fmt.Errorf("%s does not work here: %w", s.Name(), err)
		}
		all = append(all, a)
	}
	return all
}

func try(ctx context.Context, s wake.Strategy) error {
	segment, err := shm.Create("ddc-wake-check", segmentSize)
	if err != nil {
		return err
	}
	defer segment.Close() //nolint:errcheck // nothing in it is wanted
	p, err := shm.View[page](segment, 0)
	if err != nil {
		return err
	}
	files, err := s.Make()
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	return ringAndWait(ctx, s, p, files)
}

func ringAndWait(ctx context.Context, s wake.Strategy, p *page, files []*os.File) error {
	waker, err := s.Open(p.Bells[here].Tokens(&p.Gates[here].Word32), files)
	if err != nil {
		return err
	}
	waited := make(chan error, 1)
	go func() { waited <- waker.Wait() }()
	err = waker.Ring()
	if err == nil {
		select {
		case err = <-waited:
			waited <- nil
		case <-ctx.Done():
			err = fmt.Errorf("a token was left, and not found: %w", ctx.Err())
		}
	}
	// Closing makes a Wait that still waits return.
	if closing := waker.Close(); err == nil {
		err = closing
	}
	<-waited
	return err
}
