package scenario

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
)

// neighbourWakeUps are how often a neighbour wakes between two sleeps of the
// one that is watched: around the numbers at which a counter of 8 bits comes
// round.
func neighbourWakeUps() []uint64 {
	counts := []uint64{0, 1, 2}
	for n := uint64(248); n <= 264; n++ {
		counts = append(counts, n)
	}
	return counts
}

// lookAtTwo looks at the first two waiters, which are due while more tokens
// were left for one than it has seen.
func (c *waiters) lookAtTwo(left, woken *[2]atomic.Uint64, owed *atomic.Uint64) ([]Snapshot, error) {
	var all []Snapshot
	for i, name := range [2]string{"watched", "neighbour"} {
		s, err := Look(name, &c.pages[0].Words[i], c.ringers[i])
		if err != nil {
			return nil, err
		}
		s.Due, s.Owed = left[i].Load() > woken[i].Load(), owed.Load()
		all = append(all, s)
	}
	return all, nil
}

// neighbours has one sleeper of a process wake a number of times, and then
// leaves a token for another that has not slept since. State that the two share
// must not make the second take that token for an old one.
func neighbours(ctx context.Context, e *Env) (err error) {
	c, err := e.newWaiters()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	var left, woken [2]atomic.Uint64 // tokens left for each of the two, and those that it has seen
	var owed, allowed atomic.Uint64
	look := func() ([]Snapshot, error) {
		return c.lookAtTwo(&left, &woken, &owed)
	}
	total := [2]uint64{}
	for _, n := range neighbourWakeUps() {
		total[0]++
		total[1] += n
	}
	sleeper := func(i int) func(context.Context) error {
		return func(ctx context.Context) error {
			words := &c.pages[1].Words[i]
			for woken[i].Load() < total[i] {
				if i == 0 { // not asleep while its neighbour wakes
					if err := until(ctx, func() bool { return allowed.Load() > woken[0].Load() }); err != nil {
						return err
					}
				}
				words.Parked.Store(1)
				err := c.sleepers[i].Wait()
				words.Parked.Store(0)
				words.Received.Add(1)
				if err != nil {
					return err
				}
				woken[i].Store(left[i].Load())
			}
			return nil
		}
	}
	ring := func(ctx context.Context, i int) error {
		// This must happen the moment it sleeps, so the look does not pause.
		for c.pages[0].Words[i].Parked.Load() == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			runtime.Gosched()
		}
		owed.Add(1)
		n := left[i].Add(1)
		err := c.ringers[i].Ring()
		owed.Add(^uint64(0))
		if err != nil {
			return err
		}
		return until(ctx, func() bool { return woken[i].Load() >= n })
	}
	return e.play(ctx, look, c.stop, sleeper(0), sleeper(1), func(ctx context.Context) error {
		for _, n := range neighbourWakeUps() {
			for range n {
				if err := ring(ctx, 1); err != nil {
					return err
				}
			}
			allowed.Add(1)
			if err := ring(ctx, 0); err != nil {
				return err
			}
		}
		return nil
	})
}
