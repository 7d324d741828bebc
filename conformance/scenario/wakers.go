package scenario

import "slices"

// Wakers lists the programs that judge a strategy.
func Wakers() []Program { return slices.Concat(tokens(), bells(), connections(), processes()) }
