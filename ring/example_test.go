package ring_test

import (
	"fmt"

	"ddc/ring"
)

// Both ends of a ring in one process. In two, page and cells lie in a segment
// of shared memory (package shm), and each process makes its own end.
func Example() {
	page, cells := new(ring.Page), make([]ring.Descriptor, 2)
	producer, err := ring.NewProducer(page, cells)
	if err != nil {
		fmt.Println(err)
		return
	}
	consumer, err := ring.NewConsumer(page, cells)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"one", "two", "three"} {
		var d ring.Descriptor
		copy(d[:], text)
		pushed, err := producer.TryPush(&d)
		fmt.Printf("push %s: %v %v\n", text, pushed, err)
	}
	batch := make([]ring.Descriptor, 8)
	n, err := consumer.TryPop(batch)
	fmt.Printf("pop %d: %.3s, %.3s %v\n", n, batch[0][:], batch[1][:], err)
	fmt.Println("empty:", consumer.Empty())
	// Output:
	// push one: true <nil>
	// push two: true <nil>
	// push three: false <nil>
	// pop 2: one, two <nil>
	// empty: true
}
