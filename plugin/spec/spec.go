// Package spec has the Spec, by which each of ddc's own plugins describes
// itself: how its service is made, which programs it drives, what else it may
// do, how long its calls may take, and how large its answers may be.
//
// A plugin is one folder, plugins/NAME, with a function Spec:
//
//	func Spec() spec.Spec {
//		return spec.Spec{
//			Name: "jxl", Open: func() plugin.Service { return New() },
//			Tools: []tool.Program{cjxl, djxl}, CallTime: spec.Long,
//			Answers: map[string]spec.Answer{jxlpb.Jxl_Encode_FullMethodName: spec.Block},
//		}
//	}
//
// Package plugins lists all of them. A plugin may do only what its Spec
// names.
package spec

import (
	"log/slog"
	"time"

	"ddc/internal/tool"
	"ddc/plugin"
)

// Spec describes a plugin. Only Name, Open and Answers are required: a plugin
// without the rest may only compute.
type Spec struct {
	// Name is the plugin's, and its folder's.
	Name string
	// Open makes its service, which starts nothing before its first call.
	Open func() plugin.Service
	// Tools are the external programs that it drives.
	Tools []tool.Program
	// Confine says what it may do. nil is what its Tools need.
	Confine func(Site) Confinement
	// Prepare, if not nil, creates the files and folders that Confine names,
	// since a path that does not exist can't be allowed. It is called before
	// Confine, and may be called again.
	Prepare func(Site)
	// Environ, if not nil, gives variables, NAME=value, that tell the plugin
	// what it needs from files that it may not read itself. It logs what it had
	// to leave out.
	Environ func(*slog.Logger) []string
	// CallTime is how long an attempt of one of its calls may take, or nil for
	// DefaultCallTime.
	CallTime func(Site) time.Duration
	// Here says why the plugin must run on the machine of the site, or is "" if
	// it may run on another: its answers depend on nothing but request and
	// Tools.
	Here string
	// Alone, if not "", says why only one process of it may run: a second one
	// does not know what the first does.
	Alone string
	// Then names the plugins whose calls follow those of this one, as the next
	// steps of a page do: they are started ahead.
	Then []string
	// Answers say how large the answers to each of its methods may be, by the
	// methods' full names.
	Answers map[string]Answer
}

// Site is what a Spec may depend on: the site, and how it is built.
type Site struct {
	// Jobs is how many calls are under way at once.
	Jobs    int
	Samples Samples
}

// Samples is how a site's code samples are run.
type Samples struct {
	// Time bounds one sample.
	Time time.Duration
	// Cache is the folder that keeps what they are compiled into.
	Cache string
	// Sources are the folders of dependencies that lie on this machine. Fetched
	// says that other dependencies must be fetched.
	Sources []string
	Fetched bool
}

// Confinement is what the plugin may do while it builds a site.
func (s Spec) Confinement(site Site) Confinement {
	switch {
	case s.Confine != nil:
		return s.Confine(site)
	case len(s.Tools) > 0:
		return ForTools(s.Tools)
	}
	return Confinement{}
}

// DefaultCallTime is generous: it finds what hangs, not what is slow.
const DefaultCallTime = 2 * time.Minute

// Long is the CallTime of a plugin whose work grows with what it is given.
func Long(Site) time.Duration { return 10 * time.Minute }

// Answer is a kind of answer to a method, and so how large the answer may be. A
// host turns it into a part of its memory limit.
type Answer int

const (
	// Note is short, whatever the request.
	Note Answer = iota + 1
	// Text is made of one page, style sheet or drawing, and lists or repeats
	// what is in it.
	Text
	// Block is one run of bytes in a few fields: pixels, a picture, a font.
	Block
	// Whole is made of the whole site.
	Whole
)
