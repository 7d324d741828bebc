package main

import (
	"fmt"
	"io"
	"os"

	"ddc/internal/diagnostic"
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

// coloured says whether colours help: on a terminal, unless its user wants none (https://no-color.org).
func (s screen) coloured() bool {
	return s.width() > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// problem shows a problem: on a terminal with the line that it is about, else in one line that programs find their way in.
func (s screen) problem(severity diagnostic.Severity, p diagnostic.Problem) {
	width := s.width()
	if width == 0 {
		fmt.Fprintf(s, "%v: %v\n", severity, p)
		return
	}
	_ = s.Styled(s.coloured(), diagnostic.Layout(severity, p, width)) // a terminal that has gone sees nothing
}
