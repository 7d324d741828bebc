package bench

import (
	"fmt"
	"syscall"
	"time"
)

// calls is how many system calls a strategy makes to leave a token, and to wait
// for one and take it.
type calls struct{ ring, wait float64 }

// systemCalls restates what the strategies do. Change it with them; `strace
// -fc` on a benchmark shows the sums.
var systemCalls = map[string]calls{
	"futex":      {ring: 1, wait: 1}, // futex; futex
	"eventfd":    {ring: 2, wait: 2}, // poll, write; poll, preadv2
	"pipe":       {ring: 1, wait: 2}, // pwritev2; poll, preadv2
	"socketpair": {ring: 1, wait: 2}, // sendmsg; poll, preadv2
}

// usage is what one or both processes of a pair have used.
type usage struct {
	sent, received, switches uint64
	cpu                      time.Duration
}

func (u usage) plus(v usage) usage {
	return usage{u.sent + v.sent, u.received + v.received, u.switches + v.switches, u.cpu + v.cpu}
}

func (u usage) minus(v usage) usage {
	return usage{u.sent - v.sent, u.received - v.received, u.switches - v.switches, u.cpu - v.cpu}
}

func (u usage) per(n int, c calls) Cost {
	each := func(x float64) float64 { return x / float64(n) }
	return Cost{
		Wakeups:     each(float64(u.sent)),
		SystemCalls: each(float64(u.sent)*c.ring + float64(u.received)*c.wait),
		Switches:    each(float64(u.switches)),
		CPU:         each(float64(u.cpu.Nanoseconds())),
	}
}

// ownUsage is the usage of this process. The doorbells' counters are shared,
// and the measuring side counts them.
func ownUsage() (usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("read resource usage: %w", err)
	}
	return usage{
		switches: uint64(r.Nvcsw + r.Nivcsw),
		cpu:      time.Duration(r.Utime.Nano() + r.Stime.Nano()),
	}, nil
}
