package scenario

// Wakers lists the programs that judge a strategy.
func Wakers() []Program {
	return tokens()
}
