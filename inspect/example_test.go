package inspect_test

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"ddc/inspect"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake/strategy"
)

// A process is looked at by its number, twice, from a process that has no part
// in what it does. Here it looks at itself. Nobody has attached to the place of
// fonts yet.
func Example() {
	futex, err := strategy.ByName("futex")
	if err != nil {
		fmt.Println(err)
		return
	}
	h, err := hub.Create(hub.Options{Peers: 2, Strategy: futex})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	host, peer, err := h.Pair("echo")
	if err != nil {
		fmt.Println(err)
		return
	}
	host.Start(func(*transport.Frame) {})
	peer.Start(func(*transport.Frame) {})
	offer, err := h.Offer("fonts", futex)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer offer.Close()

	hubs, err := inspect.Open(strconv.Itoa(os.Getpid()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hubs[0].Close()
	first := hubs[0].Look()
	time.Sleep(250 * time.Millisecond) // for what can run to run
	for _, d := range inspect.Diagnose(first, hubs[0].Look()) {
		fmt.Printf("%s: %s, wrong: %v\n", d.Name, d.Kind, d.Wrong())
	}
	// Output:
	// echo: healthy, wrong: false
	// fonts: starting, wrong: false
}
