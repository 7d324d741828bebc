//go:build explore

package explore

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Crowd is a large scenario: a hub with many peers, and callers of its host
// that call them all at once, over rings and a pool that are too small for
// them. Its numbers say how much of everything there is; which call and which
// peer it befalls is drawn from Seed. The same Crowd is the same program each
// time.
type Crowd struct {
	Strategy string
	Seed     uint64
	// Peers are the links, Callers the tasks of the host that make Calls calls
	// each.
	Peers, Callers, Calls int
	// Cells is the size of each ring, Slots the number of slots of 64 bytes for
	// all.
	Cells, Slots int
	// Streams of 100 calls have several frames each way, Leases of 100 have a
	// payload that the handler, or the caller, keeps for a while, Cancels of
	// 100 calls are cancelled at some time.
	Streams, Leases, Cancels int
	// Closes peers are closed in good order, at either end, Lies store an index
	// that cannot be and are killed for it, Deaths are just killed, and
	// Restarts of those are started again.
	Closes, Lies, Deaths, Restarts int
	// Signals is how many system calls of each task may be interrupted.
	Signals int
}

// amount is a number of a crowd.
type amount struct {
	name  string
	of    func(c *Crowd) *int
	least int
}

// amounts are in the order in which a finding is made smaller.
var amounts = []amount{
	{"restarts", func(c *Crowd) *int { return &c.Restarts }, 0},
	{"deaths", func(c *Crowd) *int { return &c.Deaths }, 0},
	{"lies", func(c *Crowd) *int { return &c.Lies }, 0},
	{"closes", func(c *Crowd) *int { return &c.Closes }, 0},
	{"peers", func(c *Crowd) *int { return &c.Peers }, 1},
	{"callers", func(c *Crowd) *int { return &c.Callers }, 1},
	{"calls", func(c *Crowd) *int { return &c.Calls }, 1},
	{"cancels", func(c *Crowd) *int { return &c.Cancels }, 0},
	{"signals", func(c *Crowd) *int { return &c.Signals }, 0},
	{"streams", func(c *Crowd) *int { return &c.Streams }, 0},
	{"leases", func(c *Crowd) *int { return &c.Leases }, 0},
	{"cells", func(c *Crowd) *int { return &c.Cells }, 1},
	{"slots", func(c *Crowd) *int { return &c.Slots }, 1},
}

// String writes a crowd as "eventfd,seed=7,peers=16,callers=80": numbers that
// are 0 are left out.
func (c Crowd) String() string {
	text := fmt.Sprintf("%s,seed=%d", c.Strategy, c.Seed)
	for _, a := range amounts {
		if n := *a.of(&c); n != 0 {
			text += fmt.Sprintf(",%s=%d", a.name, n)
		}
	}
	return text
}

// ParseCrowd reads what String wrote.
func ParseCrowd(text string) (c Crowd, err error) {
	fields := strings.Split(text, ",")
	c.Strategy = fields[0]
	for _, field := range fields[1:] {
		name, number, _ := strings.Cut(field, "=")
		n, err := strconv.ParseUint(number, 10, 63)
		if err != nil {
			return c, fmt.Errorf("parse crowd: %s: %w", field, err)
		}
		known := name == "seed"
		if known {
			c.Seed = n
		}
		for _, a := range amounts {
			if a.name == name {
				*a.of(&c), known = int(n), true
			}
		}
		if !known {
			return c, fmt.Errorf("parse crowd: there is no amount %q", name)
		}
	}
	return c, c.check()
}

func (c Crowd) check() error {
	for _, a := range amounts {
		if n := *a.of(&c); n < a.least {
			return fmt.Errorf("crowd of %d %s: at least %d", n, a.name, a.least)
		}
	}
	if c.Peers > 16 || c.Deaths+c.Lies+c.Closes > c.Peers || c.Restarts > c.Deaths {
		return fmt.Errorf("crowd %s: at most 16 peers, each of which ends once, and restarts of those that died", c)
	}
	return nil
}

// planned is a call: frames up, and frames down as the reply.
type planned struct {
	id        uint32
	peer      int
	up, down  []int // sizes
	cancelled bool
	stands    bool // for the pump
	// kept says that the handler keeps the last frame up, keeps that the caller
	// does the last one down. Earlier ones they must not: who waits for a slot
	// while it holds one may wait for ever.
	kept, keeps bool
}

// calls draws all calls by caller, and those that restarted peers get.
func (c Crowd) calls(draw *rand.Rand) (of [][]planned, again []planned) {
	percent := func(n int) bool { return draw.IntN(100) < n }
	sizes := func(stream bool) (all []int) {
		n := 1
		if stream {
			n = 2 + draw.IntN(3)
		}
		for range n {
			all = append(all, []int{small, small, slotted, large}[draw.IntN(4)])
		}
		return all
	}
	one := func(id, peer int) planned {
		stream := percent(c.Streams)
		return planned{
			id: uint32(id), peer: peer, up: sizes(stream), down: sizes(stream),
			cancelled: percent(c.Cancels), stands: percent(50), kept: percent(c.Leases), keeps: percent(c.Leases),
		}
	}
	of = make([][]planned, c.Callers)
	for i := range of {
		for n := range c.Calls {
			of[i] = append(of[i], one(i*c.Calls+n, (i+n)%c.Peers))
		}
	}
	for i := range c.Restarts {
		again = append(again, one(c.Callers*c.Calls+i, 0))
	}
	return of, again
}

// fate is how a peer ends, if it does.
type fate int

const (
	lives fate = iota
	closesItself
	isClosed
	liesAndDies
	dies
	diesAndReturns
)

func (c Crowd) fates(draw *rand.Rand) []fate {
	fates := make([]fate, c.Peers)
	for i := range c.Closes {
		fates[i] = closesItself + fate(draw.IntN(2))
	}
	for i := range c.Lies {
		fates[c.Closes+i] = liesAndDies
	}
	for i := range c.Deaths {
		fates[c.Closes+c.Lies+i] = dies
		if i < c.Restarts {
			fates[c.Closes+c.Lies+i] = diesAndReturns
		}
	}
	draw.Shuffle(len(fates), func(i, j int) { fates[i], fates[j] = fates[j], fates[i] })
	return fates
}
