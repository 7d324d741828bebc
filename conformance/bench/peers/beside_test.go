package peers

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"ddc/rpc/rpctestpb"
	"ddc/wake"
)

// BenchmarkBesideGRPC compares by turns: an operation is a round of calls over
// gRPC followed by a round of the same calls over the hub, so that whatever
// else the machine does meanwhile hits both. It reports the median time of a
// call over each, and how many times faster the hub's is.
func BenchmarkBesideGRPC(b *testing.B) {
	for _, s := range []struct {
		name        string
		size, calls int
	}{{"64B", 64, 200}, {"1MiB", 1 << 20, 5}} {
		b.Run("messages/"+s.name, func(b *testing.B) {
			eachSetting(b, allWays, func(b *testing.B, name string, spin wake.Spin) {
				client, _ := overPlugin(b, name, spin)
				beside(b, s.size, s.calls, echoCall(b, client, s.size))
			})
		})
		b.Run("leases/"+s.name, func(b *testing.B) {
			eachSetting(b, allWays, func(b *testing.B, name string, spin wake.Spin) {
				conn, _ := overLeases(b, name, spin)
				payload := pattern(s.size)
				beside(b, s.size, s.calls, func() error { return leaseEcho(b.Context(), conn, payload) })
			})
		})
	}
}

func echoCall(b *testing.B, client rpctestpb.TestClient, n int) func() error {
	return packetCall(b, client, &rpctestpb.Packet{Data: pattern(n)})
}

// slowPacket asks to be answered after a while.
func slowPacket() *rpctestpb.Packet {
	return &rpctestpb.Packet{Data: pattern(64), Number: slowCall.Nanoseconds()}
}

func slowEcho(b *testing.B, client rpctestpb.TestClient) func() error {
	return packetCall(b, client, slowPacket())
}

func packetCall(b *testing.B, client rpctestpb.TestClient, request *rpctestpb.Packet) func() error {
	return func() error {
		reply, err := client.Echo(b.Context(), request)
		if err == nil {
			err = checkEcho(request, reply)
		}
		return err
	}
}

func checkEcho(request, reply *rpctestpb.Packet) error {
	last := len(request.Data) - 1
	if len(reply.Data) != last+1 || reply.Data[last] != request.Data[last] {
		return errWrongEcho
	}
	return nil
}

// BenchmarkThroughputBesideGRPC has several calls under way at once, as a host
// with many workers has: what one side copies, collects and sends overlaps with
// what the other does.
func BenchmarkThroughputBesideGRPC(b *testing.B) {
	for _, workers := range []int{4, 8} {
		b.Run(fmt.Sprintf("messages/1MiB/%d at once", workers), func(b *testing.B) {
			eachSetting(b, []setting{parked}, func(b *testing.B, name string, spin wake.Spin) {
				client, _ := overPlugin(b, name, spin)
				call := echoCall(b, client, 1<<20)
				besideAtOnce(b, 1<<20, workers, 5, call)
			})
		})
	}
}

func beside(b *testing.B, n, calls int, ours func() error) { besideAtOnce(b, n, 1, calls, ours) }

// besideAtOnce makes rounds in which each of the workers makes so many calls,
// one after the other.
func besideAtOnce(b *testing.B, n, workers, calls int, ours func() error) {
	client, _ := overGRPC(b)
	theirs := echoCall(b, client, n)
	round := func(call func() error) float64 {
		errs := make([]error, workers)
		work := func(worker int) {
			for range calls {
				if errs[worker] = call(); errs[worker] != nil {
					return
				}
			}
		}
		start := time.Now()
		if workers == 1 {
			work(0)
		} else {
			var all sync.WaitGroup
			for worker := range workers {
				all.Go(func() { work(worker) })
			}
			all.Wait()
		}
		took := time.Since(start)
		if err := errors.Join(errs...); err != nil {
			b.Fatal(err)
		}
		return float64(took.Nanoseconds()) / float64(workers*calls)
	}
	round(theirs) // both processes have started
	round(ours)
	place(b)
	var grpcTimes, hubTimes []float64
	for b.Loop() {
		grpcTimes = append(grpcTimes, round(theirs))
		hubTimes = append(hubTimes, round(ours))
	}
	theirMedian, ourMedian := median(grpcTimes), median(hubTimes)
	b.ReportMetric(theirMedian, "grpc-ns/call")
	b.ReportMetric(ourMedian, "hub-ns/call")
	b.ReportMetric(theirMedian/ourMedian, "times-faster")
}

func median(times []float64) float64 {
	slices.Sort(times)
	return times[len(times)/2]
}
