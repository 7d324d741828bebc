package host

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// maxLine bounds what the host keeps of one line that a plugin writes.
const maxLine = 64 << 10

// logs forwards the standard output and error of one run of a plugin to the
// host's logger, as far as the plugin's allowance goes.
type logs struct {
	logger    *slog.Logger
	allowance *allowance
	end       finalWords
}

// forward reads r to its end. It always reads on, since the plugin waits while
// the pipe is full. But it reads slowly what it drops, so that a plugin that
// only writes does not keep the host busy.
//
// Two goroutines forward the two outputs. Each line says which output it came
// from, except lines of the plugin's own logger.
func (l *logs) forward(r io.Reader, name string) {
	var line []byte
	cut := 0 // from this line's end
	pieces := bufio.NewReaderSize(paced{r, func() bool { return cut > 0 || l.allowance.dropping() }}, maxLine)
	for {
		piece, err := pieces.ReadSlice('\n')
		if line == nil {
			line = append(make([]byte, 0, len(piece)), piece...)
		} else {
			cut += len(piece)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			l.line(text, cut, name)
		}
		line, cut = nil, 0
		if err != nil {
			return
		}
	}
}

// paced pauses before each Read while what it reads is dropped.
type paced struct {
	io.Reader
	dropping func() bool
}

func (p paced) Read(b []byte) (int, error) {
	if p.dropping() {
		time.Sleep(dropPause)
	}
	return p.Reader.Read(b) //nolint:wrapcheck // a reader gives its reader's errors
}

// line takes a line, whose last cut bytes are missing.
func (l *logs) line(text string, cut int, name string) {
	record, isRecord := parseRecord(text)
	l.end.heard(text, record, isRecord)
	if !l.allowance.take(len(text), cut) {
		return
	}
	if !isRecord {
		if cut > 0 {
			text += fmt.Sprintf("… (%d bytes cut)", cut)
		}
		l.logger.Warn(text, outputKey, name)
		return
	}
	l.logger.LogAttrs(context.Background(), record.level, record.message, record.attrs...)
}

// record is a line that a plugin's own logger wrote.
type record struct {
	message string
	level   slog.Level
	attrs   []slog.Attr
}

func parseRecord(line string) (record, bool) {
	if !strings.HasPrefix(line, "{") {
		return record{}, false
	}
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) != nil || fields[slog.MessageKey] == nil {
		return record{}, false
	}
	var r record
	r.message, _ = fields[slog.MessageKey].(string)
	if text, ok := fields[slog.LevelKey].(string); !ok || r.level.UnmarshalText([]byte(text)) != nil {
		r.level = slog.LevelInfo
	}
	for key, value := range fields {
		switch key {
		case slog.MessageKey, slog.LevelKey, slog.TimeKey:
		case pluginKey: // only the host says who it is
		default:
			r.attrs = append(r.attrs, slog.Any(key, value))
		}
	}
	slices.SortFunc(r.attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return r, true
}

// outputKey is the log key for the output that a line was written to, if the
// line is no record.
const outputKey = "output"

// pluginKey is the log key for the plugin's name.
const pluginKey = "plugin"
