package peers

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ddc/internal/sys"
)

// counter is one eventfd, waited for in one of two ways.
type counter interface {
	ring() error
	wait() error
}

// polled goes through Go's poller: whoever waits is a parked goroutine.
type polled struct{ f *os.File }

func (p polled) ring() error {
	_, err := p.f.Write(binary.NativeEndian.AppendUint64(nil, 1))
	return err
}

func (p polled) wait() error {
	_, err := p.f.Read(make([]byte, 8))
	return err
}

// threaded waits in poll(2): whoever waits is a thread in the kernel.
type threaded struct{ fd *sys.FD }

func (t threaded) ring() error {
	_, err := t.fd.WriteIfRoom(binary.NativeEndian.AppendUint64(nil, 1))
	return err
}

func (t threaded) wait() error {
	if err := t.fd.WaitReadable(); err != nil {
		return err
	}
	_, err := t.fd.ReadNow(make([]byte, 8))
	return err
}

func openCounter(way string, f *os.File) (counter, error) {
	if way == "poller" {
		return polled{f}, nil
	}
	fd, err := sys.DupFD(f)
	return threaded{fd}, err
}

// keepBusy computes on every processor of this process until stop is closed.
func keepBusy(stop <-chan struct{}) *sync.WaitGroup {
	var busy sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		busy.Go(func() {
			for n := 0; ; n++ {
				if n%1_000_000 == 0 {
					select {
					case <-stop:
						return
					default:
					}
				}
			}
		})
	}
	return &busy
}

// servePoller answers each ring of the first eventfd on the second.
func servePoller() error {
	var way string
	var busy bool
	if _, err := fmt.Sscan(os.Getenv(envOffer), &way, &busy); err != nil {
		return err
	}
	var ends [2]counter
	for i := range ends {
		f, err := sys.Inherited(3+i, "eventfd")
		if err != nil {
			return err
		}
		if ends[i], err = openCounter(way, f); err != nil {
			return err
		}
	}
	if busy {
		keepBusy(nil)
	}
	go func() {
		for ends[0].wait() == nil && ends[1].ring() == nil {
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent lets go
	return nil
}

// BenchmarkPollerOrThread is a round trip of two eventfds between two
// processes, the other with one processor: why wakers sleep on threads of their
// own.
func BenchmarkPollerOrThread(b *testing.B) {
	for _, load := range []string{"idle", "busy"} {
		for _, way := range []string{"poller", "thread"} {
			b.Run(load+"/"+way, func(b *testing.B) { benchCounters(b, way, load == "busy") })
		}
	}
}

func benchCounters(b *testing.B, way string, busy bool) {
	files := make([]*os.File, 2)
	var ends [2]counter
	for i := range files {
		var err error
		files[i], err = sys.Eventfd()
		require.NoError(b, err)
		b.Cleanup(func() { _ = files[i].Close() })
		ends[i], err = openCounter(way, files[i])
		require.NoError(b, err)
	}
	startSelf(b, "poller", files, envOffer+"="+fmt.Sprintln(way, busy), "GOMAXPROCS=1")
	if busy {
		stop := make(chan struct{})
		working := keepBusy(stop)
		b.Cleanup(func() { close(stop); working.Wait() })
	}
	var trips []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := ends[0].ring(); err != nil {
			b.Fatal(err)
		}
		if err := ends[1].wait(); err != nil {
			b.Fatal(err)
		}
		trips = append(trips, time.Since(start))
	}
	slices.Sort(trips)
	b.ReportMetric(float64(trips[len(trips)/2])/1e3, "p50-us")
	b.ReportMetric(float64(trips[len(trips)*99/100])/1e3, "p99-us")
}
