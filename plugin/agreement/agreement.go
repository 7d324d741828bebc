// Package agreement is what a host and its plugins agree on at a plugin's
// start: which descriptors a plugin inherits, and what the environment says.
//
// A plugin gets descriptors, never paths. Descriptor 3 is the lifeline: only
// the host holds its other end, so reading it ends when the host has ended, for
// whatever reason. The hub's memory and the doorbells follow (4 and up), or the
// socket of a plugin without a hub. The environment holds the [Terms]. Standard
// error carries the plugin's log, one JSON object a line; anything else printed
// there is logged as a warning. A plugin has one processor (GOMAXPROCS=1).
//
// Both sides link this package, so it holds the mechanism of neither. To see
// the terms of a running plugin, read its /proc/PID/environ.
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

// version must be raised when the variables, the descriptors or their meaning
// change.
const version = "2"

// The variables. The host sets the hub, and all that begin with prefix, for
// each plugin anew.
const (
	prefix = "DDC_PLUGIN"

	Version   = "DDC_PLUGIN"
	Hub       = "DDC_HUB"
	Name      = "DDC_PLUGIN_NAME"
	spin      = "DDC_SPIN"
	logLevel  = "DDC_LOG_LEVEL"
	requests  = "DDC_REQUESTS"
	live      = "DDC_LIVE"
	programs  = "DDC_PLUGIN_PROGRAMS"
	carriedBy = "DDC_PLUGIN_TRANSPORT"
	versions  = "DDC_PLUGIN_VERSIONS"
	hostCalls = "DDC_PLUGIN_HOST"

	none   = "none"   // of programs
	grpc   = "grpc"   // of carriedBy
	serves = "serves" // of hostCalls
)

// Service is what every plugin serves beside its own service. Version answers
// with the version that was agreed on, 0 for none: google.protobuf.Empty to
// google.protobuf.Int32Value. Host is a stream of google.protobuf.BytesValue
// both ways, which a host opens once: over its bytes, as over a socket, the
// plugin makes gRPC calls to the host.
const (
	Service       = "ddc.plugin.v1.Plugin"
	VersionMethod = "/" + Service + "/Version"
	HostMethod    = "/" + Service + "/Host"
)

// The descriptors that a plugin inherits, beside the first three.
const (
	LifelineFD = 3
	HubFD      = 4 // and up
	SocketFD   = 4 // of a plugin with Terms.GRPC
)

// ExitExhausted is the exit status of a plugin that ended itself because its
// heap grew beyond Terms.Live.
const ExitExhausted = 97

// ExitVersions is the exit status of a plugin that speaks none of
// Terms.Versions.
const ExitVersions = 98

// Versions are those of a plugin's service that a host speaks, from Least to
// Most; the zero value says nothing of versions.
type Versions struct{ Least, Most int }

// String is for people: "version 2", "versions 2 to 4".
func (v Versions) String() string {
	if v.Least == v.Most {
		return fmt.Sprintf("version %d", v.Least)
	}
	return fmt.Sprintf("versions %d to %d", v.Least, v.Most)
}

// parseVersions reads "2-4"; "" is the zero value.
func parseVersions(text string) (v Versions, err error) {
	if text == "" {
		return v, nil
	}
	least, most, _ := strings.Cut(text, "-")
	var errs [2]error
	v.Least, errs[0] = strconv.Atoi(least)
	v.Most, errs[1] = strconv.Atoi(most)
	if errors.Join(errs[:]...) != nil || v.Least < 1 || v.Most < v.Least {
		return Versions{}, fmt.Errorf("%q is no range of versions, such as 2-4", text)
	}
	return v, nil
}

// ErrNoHost is the error of a process that no host has started. Start the
// program through its host.
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
	// NoPrograms has the plugin forbid itself to start programs. The host's
	// thread must be able to start the plugin, so only the plugin itself can
	// give that up.
	NoPrograms bool
	// GRPC says that there is no hub: the plugin serves ordinary gRPC on the
	// socket that it inherits. Hub and Spin mean nothing then.
	GRPC bool
	// Versions are those of the plugin's service that the host speaks.
	Versions Versions
	// HostServes says that the host will open the stream HostMethod.
	HostServes bool
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
	if t.GRPC {
		variables = append(variables, carriedBy+"="+grpc)
	}
	if v := t.Versions; v != (Versions{}) {
		variables = append(variables, fmt.Sprintf("%s=%d-%d", versions, v.Least, v.Most))
	}
	if t.HostServes {
		variables = append(variables, hostCalls+"="+serves)
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
	switch wanted := getenv(carriedBy); wanted {
	case "":
	case grpc:
		t.GRPC = true
	default:
		return t, fmt.Errorf("%s: %q is none of %s: build host and plugin from the same source", carriedBy, wanted, grpc)
	}
	if err := t.Level.UnmarshalText([]byte(getenv(logLevel))); err != nil {
		return t, fmt.Errorf("%s: %w", logLevel, err)
	}
	if t.Versions, err = parseVersions(getenv(versions)); err != nil {
		return t, fmt.Errorf("%s: %w", versions, err)
	}
	t.HostServes = getenv(hostCalls) == serves
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

// IsSaidAnew says whether a plugin must not inherit a variable from its host's
// environment. The host sets such a variable for each plugin, or leaves it
// unset.
func IsSaidAnew(variable string) bool {
	return strings.HasPrefix(variable, prefix) || variable == Hub
}

// formatBounds writes the bounds of requests: bytes, fields and decoded bytes,
// 0 for the default.
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
