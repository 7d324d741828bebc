package transport_test

import (
	"context"
	"fmt"

	"ddc/transport"
	"ddc/transport/inproc"
)

// A payload is valid until the receive function returns. Keep takes it over,
// for another goroutine to read, and Release gives it back.
func ExampleFrame_Keep() {
	t := inproc.New()
	defer t.Close() //nolint:errcheck // the example is over
	host, peer, err := t.Pair("fonts")
	if err != nil {
		fmt.Println(err)
		return
	}
	kept := make(chan transport.Lease, 1)
	host.Start(func(*transport.Frame) {})
	peer.Start(func(f *transport.Frame) { kept <- f.Keep() }) // it must not block
	if err := host.Send(context.Background(), transport.Header{Op: 1}, []byte("read me at leisure")); err != nil {
		fmt.Println(err)
		return
	}
	lease := <-kept
	fmt.Printf("%s\n", lease.Payload)
	lease.Release()
	// Output: read me at leisure
}
