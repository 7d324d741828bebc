package stock

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"ddc/rpc"
)

// calls are those under way at one end. gRPC does not show its stream numbers, so
// calls are numbered in the order in which they began.
type calls struct {
	mu   sync.Mutex
	now  map[uint32]rpc.Call
	last uint32
}

// begin adds a call, until the function that it returns is called.
func (c *calls) begin(method string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil {
		c.now = map[uint32]rpc.Call{}
	}
	c.last++
	number := c.last
	c.now[number] = rpc.Call{Method: method, Started: time.Now(), Stream: number}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.now, number)
	}
}

// list lists them, oldest first.
func (c *calls) list() []rpc.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.now), func(a, b rpc.Call) int { return cmp.Compare(a.Stream, b.Stream) })
}
