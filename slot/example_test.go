package slot_test

import (
	"fmt"

	"ddc/shm"
	"ddc/slot"
)

// A payload goes from one party to another without being copied: the sender
// fills a slot, and the receiver reads it where it is.
func Example() {
	classes := []slot.Class{{Size: 64, Count: 4}, {Size: 4096, Count: 1}}
	segment, err := shm.Create("example", slot.Size(classes))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer segment.Close()
	pool, err := slot.Open(segment, 0, classes, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	pool.Format()

	const sender = 0
	ref, ok := pool.Alloc(sender, len("hello"))
	n := copy(pool.Bytes(ref), "hello")
	fmt.Println("alloc:", ok, "of", len(pool.Bytes(ref)), "bytes")
	fmt.Println("send:", pool.Send(ref)) // then pass ref and n to the receiver

	fmt.Println("accept:", pool.Accept(ref, sender))
	fmt.Printf("read: %s\n", pool.Bytes(ref)[:n])
	pool.Free(ref)
	fmt.Println("accepted again:", pool.Accept(ref, sender) == nil)
	// Output:
	// alloc: true of 64 bytes
	// send: <nil>
	// accept: <nil>
	// read: hello
	// accepted again: false
}
