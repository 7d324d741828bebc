package peers

import (
	"errors"
	"testing"

	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/wake"
)

var errWrongEcho = errors.New("the echo differs from what was sent")

var sizes = []struct {
	name string
	size int
}{{"64B", 64}, {"4KiB", 4 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}, {"8MiB", 8 << 20}}

func benchEcho(b *testing.B, client rpctestpb.TestClient, n int, wakeups func() uint64) {
	request := &rpctestpb.Packet{Data: pattern(n)}
	call := func() {
		reply, err := client.Echo(b.Context(), request)
		if err != nil {
			b.Fatal(err)
		}
		if len(reply.Data) != n || reply.Data[n-1] != request.Data[n-1] {
			b.Fatal(errWrongEcho)
		}
	}
	call() // starts the process
	place(b)
	b.SetBytes(int64(n))
	b.ReportAllocs()
	before := wakeups()
	for b.Loop() {
		call()
	}
	if after := wakeups(); after > 0 {
		b.ReportMetric(float64(after-before)/float64(b.N), "wakeups/op")
	}
}

func noWakeups() uint64 { return 0 }

// BenchmarkUnary is one call at a time with a protobuf message both ways.
func BenchmarkUnary(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			b.Run("grpc-unix", func(b *testing.B) {
				client, _ := overGRPC(b)
				benchEcho(b, client, s.size, noWakeups)
			})
			eachSetting(b, bothWays, func(b *testing.B, name string, spin wake.Spin) {
				client, wakeups := overPlugin(b, name, spin)
				benchEcho(b, client, s.size, wakeups)
			})
		})
	}
}

func tokens(link transport.Link) uint64 {
	s := link.Stats()
	return s.WakeupsSent + s.WakeupsReceived
}

// BenchmarkLeases is one raw call at a time: no message is marshalled, and each
// payload is written once by either side.
func BenchmarkLeases(b *testing.B) {
	for _, s := range sizes {
		b.Run(s.name, func(b *testing.B) {
			eachSetting(b, bothWays, func(b *testing.B, name string, spin wake.Spin) {
				conn, link := overLeases(b, name, spin)
				place(b)
				payload := pattern(s.size)
				b.SetBytes(int64(s.size))
				b.ReportAllocs()
				before := tokens(link)
				for b.Loop() {
					if err := leaseEcho(b.Context(), conn, payload); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(tokens(link)-before)/float64(b.N), "wakeups/op")
			})
		})
	}
}
