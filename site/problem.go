package site

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/printable"
)

// Problem is something in the site's sources that its author should change.
type Problem struct {
	// File is relative to the project; Line and Col count from 1 and are 0
	// where they are not known.
	File      string
	Line, Col int
	// Message may have several lines, such as a compiler's.
	Message string
	// Hint says what to do about it; may be empty.
	Hint string
}

// String is file:line:col: message (hint), without what is not known, and fit to
// be shown to people: a file may have any name, and a message any text.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(printable.Line(p.File))
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
			if p.Col > 0 {
				fmt.Fprintf(&b, ":%d", p.Col)
			}
		}
		b.WriteString(": ")
	}
	b.WriteString(printable.Message(p.Message))
	switch {
	case p.Hint == "":
	case strings.Contains(p.Message, "\n"): // a compiler's, say: behind its last line the hint would be part of it
		fmt.Fprintf(&b, "\n  (%s)", printable.Line(p.Hint))
	default:
		fmt.Fprintf(&b, " (%s)", printable.Line(p.Hint))
	}
	return b.String()
}

// Errors says that the site is at fault: everything that was found, by file and
// line. Any other error of a build means that the machinery failed.
type Errors []Problem

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted puts problems in the order of files and lines, each once.
func sorted(problems []Problem) []Problem {
	problems = slices.Clone(problems)
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col),
			cmp.Compare(a.Message, b.Message), cmp.Compare(a.Hint, b.Hint))
	})
	return slices.Compact(problems)
}

// missingTool is what a plugin needs of the machine and does not find. Its
// message names the tool and the command that installs it.
type missingTool struct{ plugin, message string }

func (e *missingTool) Error() string { return e.plugin + " plugin: " + e.message }

// located is how plugins and libraries say where they found a fault.
var located = regexp.MustCompile(`(?s)^([^:\n]+):(\d+)(?::(\d+))?: ?(.*)$`)

// problemIn reads "file:line:col: message" or "file: message" about a file, which
// the message may call by the end of its name alone.
func problemIn(file, message string) Problem {
	p := Problem{File: file, Message: message}
	if m := located.FindStringSubmatch(message); m != nil {
		p.Line, _ = strconv.Atoi(m[2])
		p.Col, _ = strconv.Atoi(m[3])
		p.Message = m[4]
		if !sameFile(file, m[1]) {
			p.File = m[1]
		}
		return p
	}
	if name, rest, found := strings.Cut(message, ": "); found && sameFile(file, name) {
		p.Message = rest
	}
	return p
}

func sameFile(file, name string) bool {
	return file == name || strings.HasSuffix(file, "/"+name)
}

// fault makes of a call's error one of three: Errors where the site is at
// fault, a *missingTool, or the machinery's own.
func fault(plugin, file string, err error) error {
	s, ok := status.FromError(err)
	switch {
	case ok && s.Code() == codes.InvalidArgument:
		return Errors{problemIn(file, s.Message())}
	case ok && s.Code() == codes.FailedPrecondition:
		return &missingTool{plugin, s.Message()}
	case file == "":
		return fmt.Errorf("%s plugin: %w", plugin, err)
	default:
		return fmt.Errorf("%s plugin, %s: %w", plugin, file, err)
	}
}
