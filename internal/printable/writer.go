package printable

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// WriterLine is how many bytes of one line a Writer passes on.
const WriterLine = 64 << 10

// Writer passes on what is written to it with everything escaped that is not
// fit for a terminal, but for line feeds and tabs, and with the rest of lines
// cut that are longer than WriterLine. It may be used by several at once.
//
// Each Write is taken for whole: a rune in two writes is shown as the bytes
// that it is made of.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	used int // bytes of the present line that were passed on
	cut  int // and how many were not
}

var _ io.Writer = (*Writer)(nil)

// NewWriter makes a writer that passes on to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write passes on p in one call.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write(p, w.shorten(escape(string(p), true)))
}

// write writes what has become of p: all of it, or it is an error.
func (w *Writer) write(p []byte, text string) (int, error) {
	if text == "" {
		return len(p), nil
	}
	if _, err := io.WriteString(w.w, text); err != nil {
		return 0, err //nolint:wrapcheck // a writer gives its writer's errors
	}
	return len(p), nil
}

// shorten cuts what goes beyond WriterLine, and says how much that was where
// the line ends.
func (w *Writer) shorten(text string) string {
	if end := strings.IndexByte(text, '\n'); w.cut == 0 && end < 0 && w.used+len(text) <= WriterLine {
		w.used += len(text)
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, ended := strings.CutSuffix(line, "\n")
		kept := head(body, WriterLine-w.used)
		b.WriteString(kept)
		w.used += len(kept)
		if over := len(body) - len(kept); over > 0 {
			w.cut += over
			w.used = WriterLine // the next write, too, is cut
		}
		if ended {
			b.WriteString(note(w.cut) + "\n")
			w.used, w.cut = 0, 0
		}
	}
	return b.String()
}

// Whole is the writer without a bound for lines, for what a program reads. In
// JSON each escape is one of JSON's own, so that its meaning stays.
func (w *Writer) Whole() io.Writer { return whole{w} }

type whole struct{ w *Writer }

func (w whole) Write(p []byte) (int, error) {
	w.w.mu.Lock()
	defer w.w.mu.Unlock()
	return w.w.write(p, escape(string(p), true))
}

// Control is a sequence that terminals obey. There are no others than these.
type Control int

const (
	// EraseLine goes to the beginning of the line, and empties it.
	EraseLine Control = iota
	// ClearScreen goes to the top of the screen, and empties it.
	ClearScreen
)

// Control sends a sequence to the terminal, with text behind it, which is
// escaped as any other: both in one call, so that nothing flickers.
func (w *Writer) Control(c Control, text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used, w.cut = 0, 0
	if _, err := io.WriteString(w.w, c.sequence()+w.shorten(escape(text, true))); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	return nil
}

func (c Control) sequence() string {
	if c == ClearScreen {
		return "\x1b[H\x1b[2J"
	}
	return "\r\x1b[K"
}

// Style is how a terminal shows a Span. There are no others than these.
type Style int

const (
	// Plain is as the terminal shows what it is sent.
	Plain Style = iota
	// Bold is for what a reader looks for first.
	Bold
	// Red is for errors, Yellow for warnings.
	Red
	Yellow
	// Blue is for what stands beside a text, Cyan for what is added to it.
	Blue
	Cyan
)

// sequence begins the style; it is empty for Plain.
func (s Style) sequence() string {
	switch s {
	case Bold:
		return "\x1b[1m"
	case Red:
		return "\x1b[1;31m"
	case Yellow:
		return "\x1b[1;33m"
	case Blue:
		return "\x1b[34m"
	case Cyan:
		return "\x1b[36m"
	}
	return ""
}

// Span is text in a style.
type Span struct {
	Style Style
	Text  string
}

// Styled writes spans in one call, in their styles or without them. Their texts
// are escaped as any other.
func (w *Writer) Styled(coloured bool, spans []Span) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, s := range spans {
		text := w.shorten(escape(s.Text, true))
		begin := s.Style.sequence()
		if !coloured || begin == "" {
			b.WriteString(text)
			continue
		}
		body, ended := strings.CutSuffix(text, "\n")
		b.WriteString(begin + body + "\x1b[0m")
		if ended { // what follows the line is in no style
			b.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(w.w, b.String()); err != nil {
		return fmt.Errorf("write to the terminal: %w", err)
	}
	return nil
}
