package plugin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/memory"
)

// A plugin whose heap grows beyond Options.LiveLimit ends itself, before the kernel has to choose whom to kill. Its calls are
// repeated, as after any death; the one that is alone with it and exhausts it again is to blame. That is no fault of the
// plugin's, but of what it was given.

// exitExhausted is the status of a plugin that has ended itself so.
const exitExhausted = 97

// guardHeap ends this process when more than live is alive on its heap; 0 is for no bound.
func guardHeap(live int64) *memory.Guard {
	if live == 0 {
		return nil
	}
	return memory.NewGuard(live, live+live/2, func(bytes int64) {
		fmt.Fprintf(os.Stderr, "out of memory: %d MB, at most %d MB\n", bytes/1e6, live/1e6)
		os.Exit(exitExhausted)
	})
}

// exhausted says whether a call failed because its plugin ended itself for want of memory.
func exhausted(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == exitExhausted
}

// givenUp is the error of a call that is not repeated any more.
func (p *Plugin) givenUp(method string, attempts int, err error) error {
	if exhausted(err) {
		return status.Errorf(codes.InvalidArgument, "takes more than %d MB of memory in plugin %s", p.host.options.LiveLimit/1e6, p.name)
	}
	return status.Errorf(codes.Unavailable, "%s: given up after %d attempts: %s", method, attempts, status.Convert(err).Message())
}
