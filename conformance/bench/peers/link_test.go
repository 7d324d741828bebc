package peers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/wake"
)

// BenchmarkLink is one frame there and one back, without calls.
func BenchmarkLink(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			eachSetting(b, bothWays, func(b *testing.B, name string, spin wake.Spin) {
				link := overHub(b, "link", name, spin)
				place(b)
				replies := make(chan int, 1)
				link.Start(func(f *transport.Frame) { replies <- len(f.Payload) })
				payload := pattern(s.size)
				b.SetBytes(int64(s.size))
				b.ReportAllocs()
				before := tokens(link)
				for b.Loop() {
					if err := link.Send(context.Background(), transport.Header{Op: opEcho}, payload); err != nil {
						b.Fatal(err)
					}
					if n := <-replies; n != len(payload) {
						b.Fatal(errWrongEcho)
					}
				}
				b.ReportMetric(float64(tokens(link)-before)/float64(b.N), "wakeups/op")
			})
		})
	}
}

// BenchmarkLinkStream sends frames flat out, one way, and then waits for the
// answer to the last: an operation is one frame received.
func BenchmarkLinkStream(b *testing.B) {
	for _, s := range []struct {
		name string
		size int
	}{{"48B", 48}, {"64B", 64}, {"4KiB", 4 << 10}, {"64KiB", 64 << 10}} {
		b.Run(s.name, func(b *testing.B) {
			eachSetting(b, allWays, func(b *testing.B, name string, spin wake.Spin) { benchFrames(b, name, spin, s.size) })
		})
	}
}

func benchFrames(b *testing.B, name string, spin wake.Spin, n int) {
	link := overHub(b, "link", name, spin)
	received := make(chan uint64, 1)
	link.Start(func(f *transport.Frame) { received <- f.Arg })
	payload, ctx := pattern(n), context.Background()
	b.SetBytes(int64(n))
	b.ReportAllocs()
	before, sent := tokens(link), uint64(0)
	send := func(op uint8) {
		sent++
		if err := link.Send(ctx, transport.Header{Op: op}, payload); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		send(opCount)
	}
	b.StopTimer()
	// The rest is in the ring, which is short against what was sent.
	send(opEcho)
	require.Equal(b, sent, <-received)
	b.ReportMetric(float64(tokens(link)-before)/float64(b.N), "wakeups/op")
}

// BenchmarkCallStream sends messages of 64 bytes on a stream, one way.
func BenchmarkCallStream(b *testing.B) {
	b.Run("grpc-unix", func(b *testing.B) {
		client, _ := overGRPC(b)
		benchMessages(b, client, noWakeups)
	})
	eachSetting(b, allWays, func(b *testing.B, name string, spin wake.Spin) {
		client, wakeups := overPlugin(b, name, spin)
		benchMessages(b, client, wakeups)
	})
}

func benchMessages(b *testing.B, client rpctestpb.TestClient, wakeups func() uint64) {
	stream, err := client.Sum(b.Context())
	require.NoError(b, err)
	place(b)
	message := &rpctestpb.Packet{Data: pattern(64)}
	b.ReportAllocs()
	before, sent := wakeups(), int64(0)
	for b.Loop() {
		sent++
		if err := stream.Send(message); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	answer, err := stream.CloseAndRecv()
	require.NoError(b, err)
	require.Equal(b, sent, answer.Number)
	if after := wakeups(); after > 0 {
		b.ReportMetric(float64(after-before)/float64(b.N), "wakeups/op")
	}
}
