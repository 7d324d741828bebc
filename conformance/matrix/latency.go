package matrix

import (
	"math/bits"
	"slices"
	"sync"
	"time"
)

// stopwatch collects the latencies of stages.
type stopwatch struct {
	mu     sync.Mutex
	stages []string
	times  map[string][]time.Duration
}

func newStopwatch() *stopwatch { return &stopwatch{times: map[string][]time.Duration{}} }

func (s *stopwatch) add(stage string, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times[stage] == nil {
		s.stages = append(s.stages, stage)
	}
	s.times[stage] = append(s.times[stage], took)
}

func (s *stopwatch) latencies() []Latency {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Latency
	for _, stage := range s.stages {
		times := slices.Sorted(slices.Values(s.times[stage]))
		l := Latency{Stage: stage, Calls: len(times), P50: times[len(times)/2], P99: times[len(times)*99/100], Max: times[len(times)-1]}
		for _, t := range times {
			b := bits.Len64(uint64(t.Microseconds()))
			for len(l.Buckets) <= b {
				l.Buckets = append(l.Buckets, 0)
			}
			l.Buckets[b]++
		}
		all = append(all, l)
	}
	return all
}
