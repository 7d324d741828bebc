//go:build explore

package inuse

// Word is the word of the count, for the explorer to name.
func (c *Count) Word() any { return &c.word }
