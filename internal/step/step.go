//go:build !explore

package step

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Enabled says whether this build can be explored.
const Enabled = false

type (
	Mutex          = sync.Mutex
	WaitGroup      = sync.WaitGroup
	Once           = sync.Once
	Bool           = atomic.Bool
	Int32          = atomic.Int32
	Int64          = atomic.Int64
	Uint32         = atomic.Uint32
	Uint64         = atomic.Uint64
	Pointer[T any] = atomic.Pointer[T]
	signal         = struct{}
	receive        = <-chan signal
	send           = chan<- signal
)

// At stands before a channel is changed without waiting for it.
func At[T any](chan T) {}

// Poll stands before a look at a channel that does not wait.
func Poll[T any](<-chan T) {}

// Recv stands before a receive that may wait, Send before a send that may.
func Recv[T any](<-chan T) {}
func Send[T any](chan T)   {}

// RecvAny stands before a select that receives from a, b or c. SendOrRecv
// stands before one that sends to a, or receives from b or c. The select is on
// what they return.
func RecvAny(a, b, c receive) (receive, receive, receive)             { return a, b, c }
func SendOrRecv(a chan signal, b, c receive) (send, receive, receive) { return a, b, c }

// Read and Write stand before a plain access to memory that processes share.
func Read([]byte)  {}
func Write([]byte) {}

// Go starts a goroutine.
func Go(f func()) { go f() }

// Later calls f after a while.
func Later(d time.Duration, f func()) { time.AfterFunc(d, f) }

// Err is ctx.Err, and AfterFunc that of package context.
func Err(ctx context.Context) error                              { return ctx.Err() }
func AfterFunc(ctx context.Context, f func()) (stop func() bool) { return context.AfterFunc(ctx, f) }
