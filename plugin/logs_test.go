package plugin

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// longest remembers the size of the longest message that it was given.
type longest struct {
	slog.Handler
	bytes, records, largest int
}

func (*longest) Enabled(context.Context, slog.Level) bool { return true }

func (l *longest) Handle(_ context.Context, r slog.Record) error {
	l.records++
	l.bytes += len(r.Message)
	l.largest = max(l.largest, len(r.Message))
	return nil
}

func TestLineWithoutAnEndIsLoggedInPieces(t *testing.T) {
	seen := &longest{Handler: slog.DiscardHandler}
	const size = 10*maxLine + 7
	l := &logs{logger: slog.New(seen)}
	l.forward(io.MultiReader(bytes.NewReader(bytes.Repeat([]byte("x"), size)), strings.NewReader("\nthe end\r\n")))
	assert.Equal(t, size+len("the end"), seen.bytes)
	assert.LessOrEqual(t, seen.largest, maxLine)
	assert.Equal(t, "the end", l.lastWords())
}
