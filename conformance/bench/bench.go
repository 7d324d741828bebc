// Package bench compares the wake strategies on the machine it runs on:
// doorbells and rings between two real processes, nothing above them.
//
//	rows, err := bench.Run(ctx, bench.Options{Command: self})
//	bench.Table(os.Stdout, rows)
//
// The other process of each pair is the program that Command names, which must
// call [Peer]. The strategies take turns, A B C D A B C D, so that other load
// on the machine hits all alike. Compare figures within one run, not between
// two runs.
//
// # What is measured
//
//   - Round trips of one 64-byte descriptor: parked (nobody spins), spinning
//     (both sides spin before they sleep), and busy (parked, while a process
//     for each processor computes): the median and the 99th percentile.
//   - A stream of descriptors, one way, flat out: messages a second.
//   - For a parked round trip and for a message of the stream: the wake-ups
//     (tokens left), processor time and context switches of both processes, by
//     getrusage.
//   - System calls are not counted by the kernel but computed from the
//     doorbells' counters: rings that left a token and waits that returned,
//     times the calls that the strategy makes for one of either (calls.go).
//     Those of Go's runtime are not among them.
//
// [Check] says which strategies work here at all.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"ddc/wake"
	"ddc/wake/strategy"
)

// Options say what to compare. Only Command is needed.
type Options struct {
	// Strategies are names, or empty for all.
	Strategies []string
	// Rounds is how many turns each strategy gets, or 0 for 100, which takes
	// some ten seconds.
	Rounds int
	// Spin is how long both sides spin where they do, or 0 for 50 µs.
	Spin time.Duration
	// Command gives the program that calls Peer.
	Command func() (path string, args []string)
}

// RoundTrip is a distribution of round trips, in nanoseconds.
type RoundTrip struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// Cost is what one round trip, or one message, costs both processes together.
type Cost struct {
	Wakeups     float64 `json:"wakeups"`
	SystemCalls float64 `json:"system_calls"`
	Switches    float64 `json:"context_switches"`
	CPU         float64 `json:"cpu_ns"`
}

// Row is the result of one strategy.
type Row struct {
	Strategy string    `json:"strategy"`
	Parked   RoundTrip `json:"parked"`
	Spinning RoundTrip `json:"spinning"`
	Busy     RoundTrip `json:"busy"`
	// PerRoundTrip is the cost of a parked round trip, PerMessage that of a
	// message of the stream.
	PerRoundTrip      Cost    `json:"per_round_trip"`
	MessagesPerSecond float64 `json:"messages_per_second"`
	PerMessage        Cost    `json:"per_message"`
}

// How much a strategy does in one turn.
const (
	defaultRounds = 100
	defaultSpin   = 50 * time.Microsecond
	tripsPerRound = 100
	streamed      = 4000
	// Busy turns are fewer and shorter: one trip can take as long as another
	// process's time slice.
	busyShare     = 5
	tripsPerBusy  = 20
	warmUpPerPair = 200
)

// contender is one strategy with its two pairs of processes and its figures.
type contender struct {
	name             string
	parked, spinning *pair

	parkedTrips, spinningTrips, busyTrips []time.Duration
	streamTime                            time.Duration
	tripCost, streamCost                  usage
}

// Run compares.
func Run(ctx context.Context, o Options) (rows []Row, err error) {
	if o.Command == nil {
		return nil, errors.New("compare wake strategies: no command for the other process")
	}
	if o.Rounds < 0 || o.Spin < 0 {
		return nil, fmt.Errorf("compare wake strategies: %d rounds, spinning %v: neither can be negative", o.Rounds, o.Spin)
	}
	names := o.Strategies
	if len(names) == 0 {
		names = strategy.Names()
	}
	o.Rounds, o.Spin = cmp.Or(o.Rounds, defaultRounds), cmp.Or(o.Spin, defaultSpin)
	var contenders []*contender
	defer func() {
		for _, c := range contenders {
			err = errors.Join(err, c.close())
		}
	}()
	for _, name := range names {
		c := &contender{name: name}
		contenders = append(contenders, c)
		if c.parked, err = startPair(ctx, name, wake.SpinOff, o.Command); err != nil {
			return nil, err
		}
		if c.spinning, err = startPair(ctx, name, wake.SpinFor(o.Spin), o.Command); err != nil {
			return nil, err
		}
	}
	if err := compare(contenders, o.Rounds); err != nil {
		return nil, err
	}
	if err := compareBusy(ctx, contenders, o); err != nil {
		return nil, err
	}
	for _, c := range contenders {
		rows = append(rows, c.row(o.Rounds))
	}
	return rows, nil
}

func compare(contenders []*contender, rounds int) error {
	for _, c := range contenders {
		if err := errors.Join(c.parked.trips(warmUpPerPair, nil), c.spinning.trips(warmUpPerPair, nil)); err != nil {
			return err
		}
	}
	for range rounds {
		for _, c := range contenders {
			if err := c.turn(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contender) turn() error {
	cost, err := c.parked.measure(func() error { return c.parked.trips(tripsPerRound, &c.parkedTrips) })
	if err != nil {
		return err
	}
	c.tripCost = c.tripCost.plus(cost)
	if err := c.spinning.trips(tripsPerRound, &c.spinningTrips); err != nil {
		return err
	}
	cost, err = c.parked.measure(func() error {
		start := time.Now()
		defer func() { c.streamTime += time.Since(start) }()
		return c.parked.stream(streamed)
	})
	c.streamCost = c.streamCost.plus(cost)
	return err
}

func compareBusy(ctx context.Context, contenders []*contender, o Options) (err error) {
	for range runtime.NumCPU() {
		stop, startErr := startBurner(ctx, o.Command)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	for range max(1, o.Rounds/busyShare) {
		for _, c := range contenders {
			if err := c.parked.trips(tripsPerBusy, &c.busyTrips); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *contender) close() error {
	var errs []error
	for _, p := range []*pair{c.parked, c.spinning} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	return errors.Join(errs...)
}

func (c *contender) row(rounds int) Row {
	messages := rounds * streamed
	return Row{
		Strategy: c.name,
		Parked:   distribution(c.parkedTrips), Spinning: distribution(c.spinningTrips), Busy: distribution(c.busyTrips),
		PerRoundTrip:      c.tripCost.per(rounds*tripsPerRound, systemCalls[c.name]),
		MessagesPerSecond: float64(messages) / c.streamTime.Seconds(),
		PerMessage:        c.streamCost.per(messages, systemCalls[c.name]),
	}
}

func distribution(trips []time.Duration) RoundTrip {
	slices.Sort(trips)
	return RoundTrip{P50: trips[len(trips)/2], P99: trips[len(trips)*99/100]}
}
