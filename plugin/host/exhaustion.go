package host

import (
	"errors"
	"os/exec"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin/agreement"
)

// A plugin whose heap grows beyond Options.LiveLimit ends itself, before the kernel has to choose whom to kill. Its calls are
// repeated, as after any death; the one that is alone with it and exhausts it again is to blame. That is no fault of the
// plugin's, but of what it was given.

// exhausted says whether a call failed because its plugin ended itself for want of memory.
func exhausted(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == agreement.ExitExhausted
}

// givenUp is the error of a call that is not repeated any more.
func (p *Plugin) givenUp(method string, attempts int, err error) error {
	if exhausted(err) {
		return status.Errorf(codes.InvalidArgument, "takes more than %d MB of memory in plugin %s", p.host.options.LiveLimit/1e6, p.name)
	}
	return status.Errorf(codes.Unavailable, "%s: given up after %d attempts: %s", method, attempts, status.Convert(err).Message())
}
