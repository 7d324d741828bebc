package peers

import (
	"context"
	"fmt"
	"io"
	"os"
	"structs"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"

	"ddc/ring"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/shm"
	"ddc/transport"
	"ddc/transport/inproc"
	"ddc/wake"
	"ddc/wake/strategy"
)

// BenchmarkLadder takes a call apart: each row has what the row above has, and
// one thing more. All are made by turns, parked, by one caller. The last four
// rows are parts alone, three of them in one process, where nobody is woken.
func BenchmarkLadder(b *testing.B) {
	for _, s := range []struct {
		name string
		size int
	}{{"64B", 64}, {"1MiB", 1 << 20}} {
		b.Run(s.name, func(b *testing.B) { holdBeside(b, workload{size: s.size, callers: 1, plugins: 1}, rungs()) })
	}
}

func rungs() []contender {
	rung := func(name string, open func(b *testing.B, n int) echoer) contender {
		return contender{name: name, open: func(b *testing.B, n, _ int) []echoer { return []echoer{open(b, n)} }}
	}
	return []contender{
		rung("raw futex and copies", overFloor),
		rung("+ the doorbell's words", func(b *testing.B, n int) echoer { return overStep(b, "bells", n) }),
		rung("+ a descriptor in a ring", func(b *testing.B, n int) echoer { return overStep(b, "rings", n) }),
		rung("+ a link: slots, pump, goroutine", overLinkAlone),
		rung("+ a call: table, context, reply", func(b *testing.B, n int) echoer { return leasesOf(b, wake.SpinOff, n, 1)[0] }),
		rung("+ protobuf, stubs", func(b *testing.B, n int) echoer { return overService(b, n, 0, nil) }),
		rung("+ a deadline", func(b *testing.B, n int) echoer { return overService(b, n, time.Minute, nil) }),
		rung("+ a stats handler", func(b *testing.B, n int) echoer {
			return overService(b, n, time.Minute, []stats.Handler{deafHandler{}})
		}),
		rung("a call of a plugin", func(b *testing.B, n int) echoer { return overPlugins(b, wake.SpinOff, n, 1)[0] }),
		rung("alone: raw futex and protobuf", overMessages),
		rung("alone: protobuf, four times", protobufAlone),
		rung("alone: the link, in one process", overLinkInside),
		rung("alone: the call, in one process", overCallInside),
	}
}

// stepPage is what the second and third rung share; the cells of the rings
// follow it, and the bodies follow those. The arrays are indexed by receiver: 0
// is the parent.
type stepPage struct {
	_     structs.HostLayout
	Bells [2]wake.Words
	Gates [2]struct {
		shm.Word32
		_ [shm.CacheLine - 4]byte
	}
	Rings [2]ring.Page
	Count [2]struct { // of messages
		shm.Word32
		_ [shm.CacheLine - 4]byte
	}
}

const (
	stepCells  = 16
	stepRings  = 2*wake.WordsSize + 4*shm.CacheLine + 2*ring.PageSize
	stepBodies = 64 << 10
	stepSize   = stepBodies + 2*floorBody
)

// stepEnd is one end of them.
type stepEnd struct {
	page       *stepPage
	own, peers *wake.Doorbell
	in         *ring.Consumer // nil without rings
	out        *ring.Producer
	seen       uint32 // messages
	from, to   []byte // bodies
	heard, say *shm.Word32
	came       func() bool
	got, put   [1]ring.Descriptor
}

func openStep(segment *shm.Segment, side int, rings bool) (*stepEnd, error) {
	page, err := shm.View[stepPage](segment, 0)
	if err != nil {
		return nil, err
	}
	e := &stepEnd{page: page, heard: &page.Count[side].Word32, say: &page.Count[1-side].Word32}
	futex, err := strategy.ByName(strategy.Default)
	if err != nil {
		return nil, err
	}
	for i := range page.Bells {
		waker, err := futex.Open(page.Bells[i].Tokens(&page.Gates[i].Word32), nil)
		if err != nil {
			return nil, err
		}
		bell := wake.NewDoorbell(&page.Bells[i], waker, wake.SpinOff)
		body, err := segment.Bytes(stepBodies+i*floorBody, floorBody)
		if err != nil {
			return nil, err
		}
		if i == side {
			e.own, e.from = bell, body
		} else {
			e.peers, e.to = bell, body
		}
	}
	e.came = func() bool { return e.heard.Load() != e.seen }
	if !rings {
		return e, nil
	}
	var cells [2][]ring.Descriptor
	for i := range cells {
		if cells[i], err = shm.Views[ring.Descriptor](segment, stepRings+i*stepCells*ring.CellSize, stepCells); err != nil {
			return nil, err
		}
	}
	if e.in, err = ring.NewConsumer(&page.Rings[side], cells[side]); err != nil {
		return nil, err
	}
	e.came = func() bool { return !e.in.Empty() }
	e.out, err = ring.NewProducer(&page.Rings[1-side], cells[1-side])
	return e, err
}

// send copies a body and says that it is there.
func (e *stepEnd) send(payload []byte) error {
	copy(e.to, payload)
	if e.out == nil {
		e.say.Add(1)
	} else if ok, err := e.out.TryPush(&e.put[0]); !ok || err != nil {
		return fmt.Errorf("push: %v, %w", ok, err)
	}
	return e.peers.Ring()
}

// receive waits for the next body.
func (e *stepEnd) receive() error {
	if err := e.own.Await(context.Background(), e.came); err != nil {
		return err
	}
	e.seen++
	if e.in == nil {
		return nil
	}
	_, err := e.in.TryPop(e.got[:])
	return err
}

// serveStep answers until standard input ends.
func serveStep(role string) error {
	segment, n, err := offered("step")
	if err != nil {
		return err
	}
	e, err := openStep(segment, 1, role == "rings")
	if err != nil {
		return err
	}
	go func() {
		for e.receive() == nil && e.send(e.from[:n]) == nil {
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent lets go
	return err
}

func overStep(b *testing.B, role string, n int) echoer {
	b.Helper()
	segment, err := shm.Create(role, stepSize)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, segment.Close()) })
	e, err := openStep(segment, 0, role == "rings")
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, e.own.Close()); assert.NoError(b, e.peers.Close()) })
	p := startSelf(b, role, []*os.File{segment.File()}, envOffer+"="+fmt.Sprint(n), "GOMAXPROCS=1")
	payload := pattern(n)
	return echoer{pid: p.pid, call: func() error {
		if err := e.send(payload); err != nil {
			return err
		}
		if err := e.receive(); err != nil {
			return err
		}
		return checkEnd(e.from[:n], payload)
	}, wakeups: func() uint64 { return e.own.Stats().Sent + e.peers.Stats().Sent }}
}

func checkEnd(got, want []byte) error {
	if len(got) != len(want) || got[len(got)-1] != want[len(want)-1] {
		return errWrongEcho
	}
	return nil
}

// linkCall asks over a link and reads the answer where it arrived.
func linkCall(ctx context.Context, link transport.Link, n int) func() error {
	payload, answers := pattern(n), make(chan error, 1)
	link.Start(func(f *transport.Frame) { answers <- checkEnd(f.Payload, payload) })
	fill := func(buf []byte) error { copy(buf, payload); return nil }
	answered := func() bool { return len(answers) > 0 }
	header := transport.Header{Op: opEcho}
	return func() error {
		var err error
		if awaiter, ok := link.(transport.Awaiter); ok {
			err = awaiter.Ask(ctx, header, n, fill, answered)
		} else {
			err = link.Fill(ctx, header, n, fill)
		}
		if err != nil {
			return err
		}
		return <-answers
	}
}

func overLinkAlone(b *testing.B, n int) echoer {
	b.Helper()
	link, pid := overHubOf(b, "link", strategy.Default, wake.SpinOff)
	return echoer{pid: pid, call: linkCall(b.Context(), link, n), wakeups: func() uint64 { return tokens(link) }}
}

func overLinkInside(b *testing.B, n int) echoer {
	b.Helper()
	t := inproc.New()
	b.Cleanup(func() { assert.NoError(b, t.Close()) })
	host, peer, err := t.Pair("link")
	require.NoError(b, err)
	go func() { _ = serveLink(peer) }() // ends with the link
	return echoer{call: linkCall(b.Context(), host, n)}
}

// overService is the service without a plugin around it.
func overService(b *testing.B, n int, limit time.Duration, heard []stats.Handler) echoer {
	b.Helper()
	role := "service"
	if heard != nil {
		role = "heard service"
	}
	link, pid := overHubOf(b, role, strategy.Default, wake.SpinOff)
	e := serviceOn(b, link, n, limit, heard)
	e.pid, e.wakeups = pid, func() uint64 { return tokens(link) }
	return e
}

func serviceOn(b *testing.B, link transport.Link, n int, limit time.Duration, heard []stats.Handler) echoer {
	conn := rpc.NewConn(link, rpc.ConnOptions{Stats: heard})
	b.Cleanup(func() { assert.NoError(b, conn.Close()) })
	client := rpctestpb.NewTestClient(conn)
	if limit == 0 {
		return echoer{call: echoCall(b, client, n)}
	}
	request := &rpctestpb.Packet{Data: pattern(n)}
	return echoer{call: func() error {
		ctx, cancel := context.WithTimeout(b.Context(), limit)
		defer cancel()
		reply, err := client.Echo(ctx, request)
		if err == nil {
			err = checkEcho(request, reply)
		}
		return err
	}}
}

func newService(role string) *rpc.Server {
	o := rpc.ServerOptions{}
	if role == "heard service" {
		o.Stats = []stats.Handler{deafHandler{}}
	}
	server := rpc.NewServer(o)
	rpctestpb.RegisterTestServer(server, echo{})
	return server
}

func overCallInside(b *testing.B, n int) echoer {
	b.Helper()
	t := inproc.New()
	b.Cleanup(func() { assert.NoError(b, t.Close()) })
	host, peer, err := t.Pair("call")
	require.NoError(b, err)
	go func() { _ = newService("service").Serve(context.Background(), peer) }() // ends with the link
	return serviceOn(b, host, n, 0, nil)
}

// protobufAlone marshals and unmarshals what a call does, in buffers that are
// there already.
func protobufAlone(_ *testing.B, n int) echoer {
	request, buf := &rpctestpb.Packet{Data: pattern(n)}, make([]byte, 0, n+16)
	return echoer{call: func() error {
		message := request
		for range 2 { // to the other side, and back
			bytes, err := proto.MarshalOptions{}.MarshalAppend(buf, message)
			if err != nil {
				return err
			}
			message = &rpctestpb.Packet{}
			if err := proto.Unmarshal(bytes, message); err != nil {
				return err
			}
		}
		return checkEcho(request, message)
	}}
}

// deafHandler does nothing with what it hears.
type deafHandler struct{}

func (deafHandler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (deafHandler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (deafHandler) HandleRPC(context.Context, stats.RPCStats)                         {}
func (deafHandler) HandleConn(context.Context, stats.ConnStats)                       {}
