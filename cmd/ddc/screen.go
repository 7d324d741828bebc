package main

import (
	"fmt"
	"io"
	"os"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/internal/sys"
)

// screen is an output that people read. Everything that the program prints goes
// through a screen, so that no text from outside reaches a terminal unescaped:
// see package printable. Only its Control writes control codes.
type screen struct {
	*printable.Writer
	file *os.File // nil where the output is none
}

// screenOf returns w if it is a screen, or makes one that writes to w.
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

// coloured says whether colours help: on a terminal, unless its user wants none
// (https://no-color.org).
func (s screen) coloured() bool {
	return s.width() > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// problem shows a problem: on a terminal with the source line, otherwise in one
// line that programs can parse.
func (s screen) problem(severity diagnostic.Severity, p diagnostic.Problem) {
	width := s.width()
	if width == 0 {
		fmt.Fprintf(s, "%v: %v\n", severity, p)
		return
	}
	_ = s.Styled(s.coloured(), diagnostic.Layout(severity, p, width)) // a terminal that has gone sees nothing
}
