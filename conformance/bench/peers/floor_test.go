package peers

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/internal/sys"
	"ddc/shm"
)

// floor is the least that a call between two processes can be: a request copied
// into shared memory, a word changed, a thread woken by futex, and the same
// back. No ring, no doorbell, no bounds. One caller at a time.
type floor struct {
	words  []shm.Word32 // what each end sleeps on, a cache line apart
	bodies [2][]byte    // request, reply
}

const (
	floorBody  = 1 << 20
	floorWords = 2 * shm.CacheLine / 4
	floorReply = floorWords / 2
	floorSize  = 4096 + 2*floorBody
)

func openFloor(segment *shm.Segment) (f floor, err error) {
	if f.words, err = shm.Views[shm.Word32](segment, 0, floorWords); err != nil {
		return f, err
	}
	for i := range f.bodies {
		if f.bodies[i], err = segment.Bytes(4096+i*floorBody, floorBody); err != nil {
			return f, err
		}
	}
	return f, nil
}

// tell changes a word, and wakes the thread that sleeps on it.
func tell(word *shm.Word32) error {
	word.Add(1)
	_, err := sys.FutexWake(word, 1)
	return err
}

// await sleeps until the word is no longer seen.
func await(word *shm.Word32, seen uint32) error {
	for word.Load() == seen {
		if err := sys.FutexWait(word, seen); err != nil {
			return err
		}
	}
	return nil
}

// call sends payload, and says whether the reply ends as it does.
func (f *floor) call(payload []byte) error {
	request, reply := &f.words[0], &f.words[floorReply]
	seen := reply.Load()
	copy(f.bodies[0], payload)
	if err := tell(request); err != nil {
		return err
	}
	if err := await(reply, seen); err != nil {
		return err
	}
	if last := len(payload) - 1; f.bodies[1][last] != payload[last] {
		return errWrongEcho
	}
	return nil
}

// offered opens the memory that the parent shares, and says how many bytes its
// messages have.
func offered(name string) (segment *shm.Segment, n int, err error) {
	if _, err := fmt.Sscan(os.Getenv(envOffer), &n); err != nil {
		return nil, 0, err
	}
	file, err := sys.Inherited(3, name)
	if err != nil {
		return nil, 0, err
	}
	segment, err = shm.Open(file)
	return segment, n, err
}

// serveFloor answers until standard input ends.
func serveFloor() error {
	segment, n, err := offered("floor")
	if err != nil {
		return err
	}
	f, err := openFloor(segment)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		for seen := uint32(0); ; seen++ {
			if err := await(&f.words[0], seen); err != nil {
				failed <- err
				return
			}
			copy(f.bodies[1], f.bodies[0][:n])
			if err := tell(&f.words[floorReply]); err != nil {
				failed <- err
				return
			}
		}
	}()
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin) // until the parent lets go
		failed <- err
	}()
	return <-failed
}

// overFloor is the floor with payloads of n bytes.
func overFloor(b *testing.B, n int) echoer {
	b.Helper()
	segment, err := shm.Create("floor", floorSize)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, segment.Close()) })
	f, err := openFloor(segment)
	require.NoError(b, err)
	p := startSelf(b, "floor", []*os.File{segment.File()}, envOffer+"="+fmt.Sprint(n), "GOMAXPROCS=1")
	payload := pattern(n)
	return echoer{pid: p.pid, call: func() error { return f.call(payload) }}
}
