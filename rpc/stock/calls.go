package stock

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"ddc/rpc"
)

// Calls are those under way at one end of ordinary gRPC. gRPC does not show its
// stream numbers, so calls are numbered in the order in which they began. The
// zero value has none.
type Calls struct {
	mu   sync.Mutex
	now  map[uint32]rpc.Call
	last uint32
}

// Begin adds a call, until the function that it returns is called.
func (c *Calls) Begin(method string) (end func()) {
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

// List lists them, oldest first.
func (c *Calls) List() []rpc.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.now), func(a, b rpc.Call) int { return cmp.Compare(a.Stream, b.Stream) })
}
