package plugin

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// maxLine bounds what a plugin can make the host remember of one line.
const maxLine = 64 << 10

// logs forwards what a plugin writes to its standard error to the host's logger,
// with the plugin's name.
type logs struct {
	logger *slog.Logger

	mu    sync.Mutex
	last  string // the last error, or line that was no log record
	fatal string // how the runtime began to tell of a crash
}

// forward reads r to its end. A line longer than maxLine is taken for several.
func (l *logs) forward(r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			l.record(text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (l *logs) record(line string) {
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) != nil || fields[slog.MessageKey] == nil {
		l.mu.Lock()
		if l.last = line; strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			l.fatal = line
		}
		l.mu.Unlock()
		l.logger.Warn(line)
		return
	}
	message, _ := fields[slog.MessageKey].(string)
	var level slog.Level
	if text, ok := fields[slog.LevelKey].(string); !ok || level.UnmarshalText([]byte(text)) != nil {
		level = slog.LevelInfo
	}
	if level >= slog.LevelError {
		l.mu.Lock()
		l.last = message
		l.mu.Unlock()
	}
	var attrs []slog.Attr
	for key, value := range fields {
		if key != slog.MessageKey && key != slog.LevelKey && key != slog.TimeKey {
			attrs = append(attrs, slog.Any(key, value))
		}
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	l.logger.LogAttrs(context.Background(), level, message, attrs...)
}

// lastWords is what the plugin said of its end, or nothing.
func (l *logs) lastWords() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.fatal, l.last)
}
