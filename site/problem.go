package site

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
)

// Problem is something in the site's sources that its author should change.
type Problem = diagnostic.Problem

// Errors says that the site is at fault: everything that was found, by file and
// line. Any other error of a build means that the machinery failed.
type Errors = diagnostic.Errors

// missingTool says that a plugin does not find a tool on the machine. Its
// message names the tool and the command that installs it.
type missingTool struct{ plugin, message string }

func (e *missingTool) Error() string { return e.plugin + " plugin: " + e.message }

// fault turns a call's error into one of three: Errors if the site is at fault,
// a *missingTool, or an error of the machinery. A plugin's complaint is about
// file if it names no other. An answer of too many bytes may be a lie, but
// mostly it is that about a large file: a sheet with long addresses, say, or a
// page that repeats one.
func fault(plugin, file string, err error) error {
	if errors.As(err, new(Errors)) {
		return err // the request was not sent
	}
	if faults := diagnostic.Of(err); faults != nil {
		for i := range faults {
			faults[i] = faults[i].In(file)
		}
		return faults
	}
	s, ok := status.FromError(err)
	var excess interface{ TooLong() bool }
	switch {
	case file != "" && errors.As(err, &excess) && excess.TooLong():
		return Errors{{File: file, Message: fmt.Sprintf("what the %s plugin makes of it is too large: %s", plugin, s.Message()),
			Hint: "split it up, or allow more with --memory-limit"}}
	case ok && s.Code() == codes.FailedPrecondition:
		return &missingTool{plugin, s.Message()}
	case file == "":
		return fmt.Errorf("%s plugin: %w", plugin, err)
	default:
		return fmt.Errorf("%s plugin, %s: %w", plugin, file, err)
	}
}
