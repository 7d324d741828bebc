package inproc_test

import (
	"context"
	"errors"
	"fmt"

	"ddc/transport"
	"ddc/transport/inproc"
)

// Two ends in one process. An end that is closed in good order ends the other
// too.
func Example() {
	t := inproc.New()
	defer t.Close() //nolint:errcheck // the example is over
	host, peer, err := t.Pair("fonts")
	if err != nil {
		fmt.Println(err)
		return
	}
	received := make(chan string, 1)
	host.Start(func(*transport.Frame) {})
	peer.Start(func(f *transport.Frame) { received <- fmt.Sprintf("op %d: %s", f.Op, f.Payload) })
	err = host.Send(context.Background(), transport.Header{Op: 7}, []byte("subset this"))
	fmt.Println(<-received, err)

	fmt.Println(host.Close())
	<-peer.Done()
	fmt.Println(errors.Is(peer.Err(), transport.ErrClosed))
	// Output:
	// op 7: subset this <nil>
	// <nil>
	// true
}
