package peers

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"ddc/internal/sys"
	"ddc/rpc/rpctestpb"
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
	floorBody  = 1<<20 + 4096 // of a message with a mebibyte in it
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

// ask has the request that was written answered.
func (f *floor) ask() error {
	request, reply := &f.words[0], &f.words[floorReply]
	seen := reply.Load()
	if err := tell(request); err != nil {
		return err
	}
	return await(reply, seen)
}

// call sends payload, and says whether the reply ends as it does.
func (f *floor) call(payload []byte) error {
	copy(f.bodies[0], payload)
	if err := f.ask(); err != nil {
		return err
	}
	return checkEnd(f.bodies[1][:len(payload)], payload)
}

// write marshals a message where it travels.
func (f *floor) write(body int, message proto.Message) error {
	written, err := proto.MarshalOptions{}.MarshalAppend(f.bodies[body][:0], message)
	if err == nil && len(written) > floorBody {
		err = fmt.Errorf("a message of %d bytes has no room", len(written))
	}
	return err
}

// read unmarshals a message of n bytes from there.
func (f *floor) read(body, n int) (*rpctestpb.Packet, error) {
	message := &rpctestpb.Packet{}
	return message, proto.Unmarshal(f.bodies[body][:n], message)
}

// callWithMessages is call with messages at both ends, as stubs have them.
func (f *floor) callWithMessages(request *rpctestpb.Packet) error {
	if err := f.write(0, request); err != nil {
		return err
	}
	if err := f.ask(); err != nil {
		return err
	}
	reply, err := f.read(1, proto.Size(request))
	if err != nil {
		return err
	}
	return checkEcho(request, reply)
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

// echoBytes answers a request of n bytes with a copy.
func (f *floor) echoBytes(n int) error {
	copy(f.bodies[1], f.bodies[0][:n])
	return nil
}

// echoMessage answers a request that is a message of n bytes.
func (f *floor) echoMessage(n int) error {
	message, err := f.read(0, n)
	if err != nil {
		return err
	}
	return f.write(1, message)
}

// serve answers the request after the one seen.
func (f *floor) serve(seen uint32, n int, answer func(f *floor, n int) error) error {
	if err := await(&f.words[0], seen); err != nil {
		return err
	}
	if err := answer(f, n); err != nil {
		return err
	}
	return tell(&f.words[floorReply])
}

// serveFloor answers until standard input ends.
func serveFloor(answer func(f *floor, n int) error) error {
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
			if err := f.serve(seen, n, answer); err != nil {
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
	f, pid := startFloor(b, "floor", n)
	payload := pattern(n)
	return echoer{pid: pid, call: func() error { return f.call(payload) }}
}

// overMessages is the floor with messages of n bytes: what a call by stubs must
// do, whatever carries it.
func overMessages(b *testing.B, n int) echoer {
	b.Helper()
	request := &rpctestpb.Packet{Data: pattern(n)}
	f, pid := startFloor(b, "floor of messages", proto.Size(request))
	return echoer{pid: pid, call: func() error { return f.callWithMessages(request) }}
}

func startFloor(b *testing.B, role string, n int) (*floor, int) {
	b.Helper()
	segment, err := shm.Create("floor", floorSize)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, segment.Close()) })
	f, err := openFloor(segment)
	require.NoError(b, err)
	p := startSelf(b, role, []*os.File{segment.File()}, envOffer+"="+fmt.Sprint(n), "GOMAXPROCS=1")
	return &f, p.pid
}
