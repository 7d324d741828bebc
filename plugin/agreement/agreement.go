// Package agreement is what a host and its plugins agree on at a plugin's start:
// which descriptors a plugin inherits, and what the environment says.
//
// Descriptors, never paths: the lifeline (3), whose other end only the host
// holds, so that reading it ends when the host has ended, however that came
// about; then the hub's memory and the two doorbells (4 and up). The environment
// holds the [Terms]. Standard error carries the plugin's log, one JSON object a
// line; whatever else is printed there is logged as a warning. A plugin has one
// processor (GOMAXPROCS=1).
//
// Both sides link this package, so it holds no side's mechanism. To see the terms
// of a plugin that runs, read its /proc/PID/environ.
package agreement

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"ddc/rpc"
	"ddc/wake"
)

// version is raised by whoever changes the variables, the descriptors or what
// they mean.
const version = "2"

// The variables. What begins with prefix, and the hub, is said to each plugin anew.
const (
	prefix = "DDC_PLUGIN"

	Version  = "DDC_PLUGIN"
	Hub      = "DDC_HUB"
	Name     = "DDC_PLUGIN_NAME"
	spin     = "DDC_SPIN"
	logLevel = "DDC_LOG_LEVEL"
	requests = "DDC_REQUESTS"
	live     = "DDC_LIVE"
	programs = "DDC_PLUGIN_PROGRAMS"

	none = "none" // of programs
)

// The descriptors that a plugin inherits, beside the first three.
const (
	LifelineFD = 3
	HubFD      = 4 // and up
)

// ExitExhausted is the status of a plugin that has ended itself since its heap
// grew beyond Terms.Live.
const ExitExhausted = 97

// ErrNoHost is the error of a process that no host has started. Start the program
// through its host.
var ErrNoHost = errors.New("this program is a plugin and does nothing by itself: its host starts it (ddc build)")

// Terms are what a host says to a plugin.
type Terms struct {
	// Name is the plugin's.
	Name string
	// Hub is what package hub needs to attach.
	Hub string
	// Spin is how long the plugin spins before it sleeps.
	Spin wake.Spin
	// Level is the least that the plugin logs.
	Level slog.Level
	// Requests bounds what the plugin is sent.
	Requests rpc.Bounds
	// Live is what may be alive on its heap, in bytes, or 0 for no bound.
	Live int64
	// NoPrograms has the plugin forbid itself to start programs. Its host's thread can't
	// be kept from that, since it starts the plugin; so the plugin does the rest to itself.
	NoPrograms bool
}

// Environ is the terms as variables of the environment.
func (t Terms) Environ() []string {
	variables := []string{
		Version + "=" + version, Hub + "=" + t.Hub, Name + "=" + t.Name, spin + "=" + t.Spin.String(), logLevel + "=" + t.Level.String(),
		requests + "=" + formatBounds(t.Requests), live + "=" + strconv.FormatInt(t.Live, 10),
	}
	if t.NoPrograms {
		variables = append(variables, programs+"="+none)
	}
	return variables
}

// Read reads the terms from the environment.
func Read(getenv func(string) string) (t Terms, err error) {
	switch theirs := getenv(Version); theirs {
	case "":
		return t, ErrNoHost
	case version:
	default:
		return t, fmt.Errorf("the host starts plugins of version %q, this one is of version %q: build both from the same source", theirs, version)
	}
	t.Name, t.Hub, t.NoPrograms = getenv(Name), getenv(Hub), getenv(programs) == none
	if err := t.Level.UnmarshalText([]byte(getenv(logLevel))); err != nil {
		return t, fmt.Errorf("%s: %w", logLevel, err)
	}
	if t.Spin, err = wake.ParseSpin(getenv(spin)); err != nil {
		return t, fmt.Errorf("%s: %w", spin, err)
	}
	if t.Requests, err = parseBounds(getenv(requests)); err != nil {
		return t, fmt.Errorf("%s: %w", requests, err)
	}
	if t.Live, err = strconv.ParseInt(getenv(live), 10, 64); err != nil || t.Live < 0 {
		return t, fmt.Errorf("%s: %q is no number of bytes", live, getenv(live))
	}
	return t, nil
}

// IsSaidAnew says whether a variable is one that a plugin must not have from its
// host's own environment: the host says it to each plugin, or it is not said.
func IsSaidAnew(variable string) bool {
	return strings.HasPrefix(variable, prefix) || variable == Hub
}

// formatBounds says what a plugin may be sent: bytes, fields and decoded bytes, 0 for the default.
func formatBounds(b rpc.Bounds) string { return fmt.Sprintf("%d,%d,%d", b.Bytes, b.Fields, b.Decoded) }

func parseBounds(text string) (b rpc.Bounds, err error) {
	words := strings.Split(text, ",")
	if len(words) != 3 {
		return b, fmt.Errorf("%q: three numbers are wanted", text)
	}
	for i, to := range []func(int64){
		func(n int64) { b.Bytes = int(n) }, func(n int64) { b.Fields = int(n) }, func(n int64) { b.Decoded = n },
	} {
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil || n < 0 {
			return rpc.Bounds{}, fmt.Errorf("%q is no number of bytes or fields", words[i])
		}
		to(n)
	}
	return b, nil
}
