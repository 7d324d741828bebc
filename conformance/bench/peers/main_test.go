// Package peers measures links and calls between real processes, beside gRPC
// and ttrpc over unix sockets, and a bare futex, in the same run. It is a
// module of its own, so that nobody else inherits what it is held beside.
// Benchmarks of ring, slot pool and doorbell are beside their code; `make
// bench` runs all of them.
//
// The other process is this test binary, started once more with GOMAXPROCS=1
// as every plugin is: through package plugin for calls with messages, straight
// on the hub for links and leases, and with a gRPC server for comparison. So
// that the comparison is of transports alone, the gRPC server has one processor
// too; BENCH_GRPC_PROCS=N gives it others.
//
//	parked      --spin off: whoever waits sleeps in the kernel at once
//	spinning    --spin 50us
//	auto        --spin auto, what `ddc build` does if it is not told otherwise
//	wakeups/op  wake-ups of both sides together, for each call or frame
//
// Where the kernel places the two processes matters most; BENCH_PIN=apart or
// BENCH_PIN=together decides it.
//
// Figures of different runs do not compare: the machine may be busy otherwise.
// BenchmarkBesideGRPC therefore takes turns, a round of one and a round of the
// other, and reports the medians and their ratio; so does BenchmarkLoad (make
// load), under few callers and many.
package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"ddc/internal/sys"
	"ddc/plugin"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// The role of this test binary when it was started by itself, and what it needs
// to know then.
const (
	envRole   = "BENCH_ROLE"
	envSocket = "BENCH_SOCKET"
	envOffer  = "BENCH_OFFER"
	envSpin   = "BENCH_SPIN"
)

const maxMessage = 64 << 20

func TestMain(m *testing.M) {
	role := os.Getenv(envRole)
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	err := pin(false)
	switch {
	case err != nil:
	case role == "plugin":
		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, echo{}) }))
	case role == "grpc":
		err = serveGRPC()
	case role == "ttrpc":
		err = serveTTRPC()
	case role == "floor":
		err = serveFloor((*floor).echoBytes)
	case role == "floor of messages":
		err = serveFloor((*floor).echoMessage)
	case role == "poller":
		err = servePoller()
	case role == "bells", role == "rings":
		err = serveStep(role)
	case role == "lease", role == "link", role == "service", role == "heard service":
		// The parent may have gone before this end has seen that it closed the
		// link.
		if err = servePeer(role); errors.Is(err, io.EOF) {
			err = nil
		}
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench", role+":", err)
		os.Exit(1)
	}
}

// echo answers with what it was asked, after as many nanoseconds as Number
// says.
type echo struct {
	rpctestpb.UnimplementedTestServer
}

func (echo) Echo(_ context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	if p.Number > 0 {
		time.Sleep(time.Duration(p.Number))
	}
	return p, nil
}

// Sum reads numbers to the end, and sends their number.
func (echo) Sum(stream grpc.ClientStreamingServer[rpctestpb.Packet, rpctestpb.Packet]) error {
	for n := int64(0); ; n++ {
		if _, err := stream.Recv(); err != nil {
			return stream.SendAndClose(&rpctestpb.Packet{Number: n})
		}
	}
}

const echoRaw = "/bench/Echo"

// serveGRPC serves until standard input ends.
func serveGRPC() error {
	listener, err := net.Listen("unix", os.Getenv(envSocket))
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	rpctestpb.RegisterTestServer(server, echo{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	fmt.Println("listening")
	return server.Serve(listener)
}

// servePeer attaches to the hub of the parent, which is descriptor 3 and up,
// until the parent closes the link or standard input ends.
func servePeer(role string) error {
	name, count, err := hub.ParseOffer(os.Getenv(envOffer))
	if err != nil {
		return err
	}
	s, err := strategy.ByName(name)
	if err != nil {
		return err
	}
	spin, err := wake.ParseSpin(os.Getenv(envSpin))
	if err != nil {
		return err
	}
	var files []*os.File
	for n := range count {
		f, err := sys.Inherited(3+n, "hub file")
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	link, err := hub.Attach(os.Getenv(envOffer), files, s, spin)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		link.PeerDied(io.EOF)
	}()
	if role == "service" || role == "heard service" {
		return newService(role).Serve(context.Background(), link)
	}
	if role == "lease" {
		server := rpc.NewServer(rpc.ServerOptions{})
		server.RegisterRaw(echoRaw, func(_ context.Context, request []byte) (int, func([]byte) error, error) {
			return len(request), func(reply []byte) error { copy(reply, request); return nil }, nil
		})
		return server.Serve(context.Background(), link)
	}
	return serveLink(link)
}

// Operations of the frames that link benchmarks send.
const (
	opCount = iota // one of many: count it
	opEcho         // send it back
)

// serveLink sends back what is to be sent back. The pump must not send; but
// whoever asks for an echo waits for it, so that there is room for one.
func serveLink(link transport.Link) error {
	replies := make(chan transport.Lease, 1)
	received := uint64(0)
	link.Start(func(f *transport.Frame) {
		received++
		if f.Op == opEcho {
			replies <- f.Keep()
		}
	})
	for {
		select {
		case lease := <-replies:
			err := link.Send(context.Background(), transport.Header{Arg: received}, lease.Payload)
			lease.Release()
			if err != nil {
				return err
			}
		case <-link.Done():
			return link.Close()
		}
	}
}
