package conformance_test

import (
	"context"
	"fmt"

	"ddc/conformance/broken"
	"ddc/conformance/scenario"
	"ddc/wake"
	"ddc/wake/strategy"
)

// The suite runs plain functions, which tools run too. Here one of them judges
// a sound waker, and one that drops every token.
func Example() {
	sound := func() wake.Strategy {
		s, err := strategy.ByName("eventfd")
		if err != nil {
			panic(err)
		}
		return s
	}
	deaf := func() wake.Strategy { return broken.DropToken(sound(), 1) }
	for _, p := range scenario.Wakers() {
		if p.Name != "TokenLeftBeforeWaitIsNotLost" {
			continue
		}
		for _, s := range []func() wake.Strategy{sound, deaf} {
			err := p.Run(context.Background(), &scenario.Env{Strategy: s, Seed: 1})
			if err != nil {
				fmt.Println("broken:", scenario.RuleOf(p.Rule, err))
				continue
			}
			fmt.Println("sound")
		}
	}
	// Output:
	// sound
	// broken: the waker's promise: a token left stays until a Wait consumes it, and Close ends every Wait
}
