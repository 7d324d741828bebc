package matrix

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// journal is the logger of a cell's host. It keeps what plugins write about
// themselves, and why plugins were started again.
type journal struct {
	mu       sync.Mutex
	lines    map[string][]string // by plugin
	restarts map[string][]string // causes, by plugin
}

func newJournal() *journal {
	return &journal{lines: map[string][]string{}, restarts: map[string][]string{}}
}

// killed ends the cause of a restart that the workload, or a fault, has made.
const killed = "signal: killed"

// maxLines bounds what is kept of each plugin: two dumps fit.
const maxLines = 20_000

func (j *journal) record(name string, r slog.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	cause := ""
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "cause":
			cause = a.Value.String()
		case "plugin":
			name = a.Value.String()
		}
		return true
	})
	if strings.HasPrefix(r.Message, "plugin is started again") {
		j.restarts[name] = append(j.restarts[name], cause)
		return
	}
	if lines := j.lines[name]; len(lines) < maxLines {
		j.lines[name] = append(lines, r.Message)
	}
}

// said gives what a plugin has written so far.
func (j *journal) said(name string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines[name]...)
}

// kills notes that the workload kills a plugin. A call that already has the old
// run may only see that its link is closed.
func (j *journal) kills(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.restarts[name] = append(j.restarts[name], killed)
}

// restart says why a plugin was started again, if one was that nobody had
// killed.
func (j *journal) restart() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for name, causes := range j.restarts {
		if !slices.ContainsFunc(causes, func(c string) bool { return strings.Contains(c, killed) }) {
			return fmt.Sprintf("%s: %s", name, causes[0])
		}
	}
	return ""
}

func (j *journal) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.record("", r)
	return nil
}

func (j *journal) WithGroup(string) slog.Handler { return j }

func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == "plugin" {
			return ofPlugin{j, a.Value.String()}
		}
	}
	return j
}

// ofPlugin is the journal for one plugin.
type ofPlugin struct {
	*journal
	name string
}

func (o ofPlugin) Handle(_ context.Context, r slog.Record) error {
	o.record(o.name, r)
	return nil
}

func (o ofPlugin) WithAttrs([]slog.Attr) slog.Handler { return o }
