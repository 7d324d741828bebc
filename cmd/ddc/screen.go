package main

import (
	"io"
	"os"

	"ddc/internal/printable"
	"ddc/internal/sys"
)

// screen is an output that people read. All that the program prints goes through
// one, so that no text from outside reaches a terminal as it is: see package
// printable. Only its Control says something to the terminal itself.
type screen struct {
	*printable.Writer
	file *os.File // nil where the output is none
}

// screenOf gives the screen that w is, or makes one that writes to w.
func screenOf(w io.Writer) screen {
	if s, ok := w.(screen); ok {
		return s
	}
	file, _ := w.(*os.File)
	return screen{printable.NewWriter(w), file}
}

// width is how many columns the terminal has, or 0 where there is none.
func (s screen) width() int {
	if s.file == nil {
		return 0
	}
	return sys.TerminalWidth(s.file)
}
