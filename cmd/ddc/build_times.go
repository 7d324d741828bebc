package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// callClock measures how long calls of plugins take, as the host sees them.
type callClock struct {
	mu    sync.Mutex
	taken []time.Duration
}

// times are the median and the 99th percentile of a build's calls, 0 without
// any.
type times struct {
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// measure is a grpc.UnaryClientInterceptor.
func (c *callClock) measure(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	begun := time.Now()
	err := invoke(ctx, method, request, reply, conn, opts...)
	took := time.Since(begun)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, took)
	return err
}

func (c *callClock) times() times {
	if c == nil {
		return times{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.taken) == 0 {
		return times{}
	}
	slices.Sort(c.taken)
	return times{c.taken[len(c.taken)/2], c.taken[len(c.taken)*99/100]}
}
