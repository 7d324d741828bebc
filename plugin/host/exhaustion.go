package host

import (
	"errors"
	"os/exec"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin/agreement"
)

// A plugin whose heap grows beyond Memory.Live ends itself, before the
// kernel has to choose which process to kill. Its calls are repeated, as after
// any death. If a call exhausts the plugin again while it runs alone, that call
// is to blame: the fault lies with the request, not with the plugin.

// exhausted says whether a call failed because its plugin ended itself for want of memory.
func exhausted(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == agreement.ExitExhausted
}

// givenUp is the error of a call that has no attempts left.
func (p *Plugin) givenUp(method string, attempts int, err error) error {
	if exhausted(err) {
		return status.Errorf(codes.InvalidArgument, "takes more than %d MB of memory in plugin %s", p.host.options.Memory.Live/1e6, p.name)
	}
	return status.Errorf(codes.Unavailable, "%s: given up after %d attempts: %s", method, attempts, status.Convert(err).Message())
}
