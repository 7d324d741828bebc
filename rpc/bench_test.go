package rpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/rpc"
)

// Each benchmark runs over the transports that lend themselves to measuring.
// Unary is one call at a time, Parallel as many as there are processors and
// Stream one message of a stream flat out; the numbers are payload bytes.

func benchOverEach(b *testing.B, s setup, run func(b *testing.B, p *peers)) {
	for _, tt := range transports {
		if tt.name == "poison" {
			continue // it writes over every payload
		}
		b.Run(tt.name, func(b *testing.B) {
			tr := tt.open(b)
			defer func() { require.NoError(b, tr.Close()) }()
			p := connect(b, tr, s)
			b.ReportAllocs()
			run(b, p)
		})
	}
}

func benchUnary(b *testing.B, n int) {
	benchOverEach(b, setup{}, func(b *testing.B, p *peers) {
		request, reply := &packet{Data: bytesOf(n)}, &packet{}
		b.SetBytes(int64(n))
		for b.Loop() {
			if err := p.conn.Invoke(b.Context(), echoMethod, request, reply); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnary64(b *testing.B)   { benchUnary(b, 64) }
func BenchmarkUnary4KiB(b *testing.B) { benchUnary(b, 4<<10) }
func BenchmarkUnary1MiB(b *testing.B) { benchUnary(b, 1<<20) }
func BenchmarkUnary8MiB(b *testing.B) { benchUnary(b, 8<<20) }

func BenchmarkUnary64Parallel(b *testing.B) {
	benchOverEach(b, setup{}, func(b *testing.B, p *peers) {
		b.RunParallel(func(pb *testing.PB) {
			request, reply := &packet{Data: bytesOf(64)}, &packet{}
			for pb.Next() {
				if err := p.conn.Invoke(b.Context(), echoMethod, request, reply); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkRaw1MiB echoes through leases: written once by the client, copied
// once by the server.
func BenchmarkRaw1MiB(b *testing.B) {
	echo := func(s *rpc.Server) { s.RegisterRaw("/raw/Echo", rawEcho) }
	benchOverEach(b, setup{prepare: echo}, func(b *testing.B, p *peers) {
		const n = 1 << 20
		payload := bytesOf(n)
		b.SetBytes(n)
		for b.Loop() {
			err := p.conn.InvokeRaw(b.Context(), "/raw/Echo", n,
				func(buf []byte) error { copy(buf, payload); return nil },
				func(reply []byte) error { _ = reply[n-1]; return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func rawEcho(_ context.Context, request []byte) (int, func([]byte) error, error) {
	return len(request), func(reply []byte) error { copy(reply, request); return nil }, nil
}

func benchStream(b *testing.B, n int) {
	benchOverEach(b, setup{}, func(b *testing.B, p *peers) {
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		stream, err := p.client.Count(ctx, &packet{Number: 1 << 60, Data: bytesOf(n)})
		require.NoError(b, err)
		message := &packet{}
		b.SetBytes(int64(n))
		for b.Loop() {
			if err := stream.RecvMsg(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStream64(b *testing.B)    { benchStream(b, 64) }
func BenchmarkStream64KiB(b *testing.B) { benchStream(b, 64<<10) }
