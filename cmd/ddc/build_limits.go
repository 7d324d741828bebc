package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ddc/internal/memory"
	"ddc/plugin/spec"
	"ddc/plugins"
)

// callTimes is how long calls may take, by plugin.
type callTimes struct {
	all time.Duration // 0: each plugin's own default
	of  map[string]time.Duration
}

// parseCallTimes reads "5m", "fonts=10m" or "1m,fonts=10m", for plugins of some
// names.
func parseCallTimes(text string, names []string) (callTimes, error) {
	c := callTimes{of: map[string]time.Duration{}}
	if text == "" {
		return c, nil
	}
	for _, word := range strings.Split(text, ",") {
		name, wanted, one := strings.Cut(strings.TrimSpace(word), "=")
		if !one {
			name, wanted = "", name
		}
		limit, err := time.ParseDuration(wanted)
		switch {
		case err != nil || limit <= 0:
			return c, fmt.Errorf("%q is no time: write 90s, 5m or 1h", wanted)
		case !one && c.all != 0:
			return c, fmt.Errorf("%q and another are both to be the time of all plugins: say NAME=TIME for one plugin", wanted)
		case !one:
			c.all = limit
		case !slices.Contains(names, name):
			return c, fmt.Errorf("unknown plugin %q%s: the plugins are %s", name, meant(name, names), strings.Join(names, ", "))
		default:
			c.of[name] = limit
		}
	}
	return c, nil
}

// withDefaults fills in the plugins' own call times where the flag gives none.
func (c callTimes) withDefaults(site spec.Site) map[string]time.Duration {
	of := map[string]time.Duration{}
	for _, s := range plugins.All() {
		if c.all == 0 && s.CallTime != nil {
			of[s.Name] = s.CallTime(site)
		}
	}
	for name, limit := range c.of {
		of[name] = limit
	}
	return of
}

// ofPlugin is how long a plugin's calls may take if its Spec has no call time.
func (c callTimes) ofPlugin(name string) time.Duration {
	return cmp.Or(c.of[name], c.all, spec.DefaultCallTime)
}

// memoryShares divides a memory limit.
type memoryShares struct {
	limit int64
	// host and each are the heaps of the host and of one plugin beyond which
	// Go's collector works harder. These are soft limits: a process still gets
	// the memory that it needs, but keeps no garbage. The host's grows with
	// what is alive there.
	host, each int64
	// work is for what grows with the site, in all processes together.
	work int64
	// room is for what pages are made of that stays in the host's memory.
	room int64
	// live is how much may be alive on the heap of one process, host or plugin.
	live int64
}

const (
	leastHeap = 64 << 20
	// resting is what all plugins, the host and Dart Sass take when idle.
	resting = 256 << 20
	// hubShare is the part of the limit that slots may take.
	hubShare = 16
)

func shareMemory(flag string) (memoryShares, error) {
	limit := memory.Default()
	if flag != "" {
		var err error
		if limit, err = memory.Parse(flag); err != nil {
			return memoryShares{}, err
		}
	}
	work := max(limit-resting-limit/hubShare, limit/8)
	return memoryShares{
		limit: limit,
		host:  max(limit/8, leastHeap), each: max(limit/16, leastHeap),
		work: work, room: max(limit/16, leastHeap/2), live: max(work, leastHeap),
	}, nil
}

// hub is what the slots of one hub may take. If plugins are isolated, each has
// a hub, but only four of these carry pictures and fonts.
func (m memoryShares) hub(isolated bool) int64 {
	if isolated {
		return m.limit / hubShare / 4
	}
	return m.limit / hubShare
}
