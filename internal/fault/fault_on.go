//go:build ddcfault

package fault

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Enabled says whether this build has the faults.
const Enabled = true

// The environment variables that turn faults on.
const (
	Variable       = "DDC_FAULT"        // names, between commas
	NarrowVariable = "DDC_FAULT_NARROW" // not empty: windows stay as narrow as they are
)

// set is what is on.
type set struct {
	names  []Name
	narrow bool
}

var on atomic.Pointer[set]

// A process told of a fault that does not exist would pass for a sound one.
func init() {
	s := &set{narrow: os.Getenv(NarrowVariable) != ""}
	for name := range strings.FieldsFuncSeq(os.Getenv(Variable), func(r rune) bool { return r == ',' }) {
		if _, ok := ByName(name); !ok {
			fmt.Fprintf(os.Stderr, "%s=%q: there is no such fault; the faults are %s\n", Variable, name, strings.Join(Names(), ", "))
			os.Exit(2)
		}
		s.names = append(s.names, Name(name).Parts()...)
	}
	on.Store(s)
}

// On says whether a fault is on in this process.
func On(name Name) bool { return slices.Contains(on.Load().names, name) }

// Active lists the faults that are on.
func Active() []Name { return on.Load().names }

// Switch turns these faults on in this process and all others off, with windows
// as narrow as they are: for those who choose the interleaving themselves.
func Switch(names ...Name) {
	s := &set{narrow: true}
	for _, name := range names {
		s.names = append(s.names, name.Parts()...)
	}
	on.Store(s)
}

// windowWidth is long enough for another process to be scheduled and to ring.
const windowWidth = 500 * time.Microsecond

// Wide says that a fault is on, and its window wide.
func Wide(name Name) bool {
	s := on.Load()
	return !s.narrow && slices.Contains(s.names, name)
}

// Widen makes a fault's window wide where the fault is on.
func Widen(name Name) {
	if Wide(name) {
		time.Sleep(windowWidth)
	}
}

// peer says that this process is somebody's peer. It is asked at once: a plugin
// takes what makes it one out of its environment.
var peer = os.Getenv("DDC_PLUGIN") != "" || os.Getenv("DDC_SCENARIO_PEER") != ""

// Peer says that this process is somebody's peer.
func Peer() bool { return peer }

// taken counts the flags that this process has taken.
var taken atomic.Int32

// flagsToLive is how many flags a peer takes before it dies with one.
const flagsToLive = 10

// Die ends this process at once, as SIGKILL would, if it is a peer and has
// taken some flags in good order before.
func Die() {
	if taken.Add(1) <= flagsToLive {
		return
	}
	if !peer {
		return
	}
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {} // until the signal has come
}
