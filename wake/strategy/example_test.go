package strategy_test

import (
	"fmt"

	"ddc/wake/strategy"
)

// A flag or a configuration gives the name. The error for one that is wrong has
// all names in it, so it can be shown as it is.
func Example() {
	fmt.Println(strategy.Names())
	pipe, err := strategy.ByName("pipe")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pipe.Name())
	_, err = strategy.ByName("pip")
	fmt.Println(err)
	// Output:
	// [futex eventfd pipe socketpair]
	// pipe
	// unknown wake strategy "pip": choose one of futex, eventfd, pipe, socketpair
}
