package wake_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"ddc/shm"
	"ddc/wake"
	"ddc/wake/strategy"
)

// One goroutine sleeps until another has something for it. Between processes,
// the words lie in shared memory, and the files of Make are inherited.
func Example() {
	s, err := strategy.ByName("eventfd")
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := s.Make()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	words, gate := new(wake.Words), new(shm.Word32)
	open := func() *wake.Doorbell {
		waker, err := s.Open(words.Tokens(gate), files)
		if err != nil {
			panic(err)
		}
		return wake.NewDoorbell(words, waker, wake.SpinOff)
	}
	sleeper, ringer := open(), open()
	defer sleeper.Close()
	defer ringer.Close()

	var parcel atomic.Pointer[string]
	go func() {
		text := "for you"
		parcel.Store(&text) // publish first,
		_ = ringer.Ring()   // ring second
	}()
	err = sleeper.Await(context.Background(), func() bool { return parcel.Load() != nil })
	fmt.Println(*parcel.Load(), err)
	// Output: for you <nil>
}
