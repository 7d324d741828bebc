package hub_test

import (
	"context"
	"fmt"
	"time"

	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// A host offers a place, and a peer attaches to it. The peer is usually another
// process, which inherits the files and is told the text; here it is the same.
func Example() {
	eventfd, err := strategy.ByName("eventfd")
	if err != nil {
		fmt.Println(err)
		return
	}
	h, err := hub.Create(hub.Options{Peers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	offer, err := h.Offer("fonts", eventfd)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, files, err := hub.ParseOffer(offer.Text)
	fmt.Println("as many files as the text says:", files == len(offer.Files), err)
	peer, err := hub.Attach(offer.Text, offer.Files, eventfd, wake.SpinAuto)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer peer.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	received := make(chan string, 1)
	peer.Start(func(f *transport.Frame) { received <- fmt.Sprintf("op %d: %s", f.Op, f.Payload) })
	if err := offer.Link.Send(ctx, transport.Header{Op: 7}, []byte("subset this")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-received)
	// Output:
	// as many files as the text says: true <nil>
	// op 7: subset this
}
