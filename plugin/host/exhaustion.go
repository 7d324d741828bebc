package host

import (
	"errors"
	"os/exec"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin/agreement"
)

// A plugin whose heap grows beyond Memory.Live ends itself, before the
// kernel has to choose which process to kill. Its calls are repeated, as after
// any death. If a call exhausts the plugin again while it runs alone, that call
// is to blame: the fault lies with the request, not with the plugin. So it does
// if a plugin that has only this call works until the call's time is over. One
// that sleeps instead hangs, and is to blame itself.

// exhausted says whether a call failed because its plugin ended itself for want
// of memory.
func exhausted(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == agreement.ExitExhausted
}

// tooLarge says that a call needs more memory than the plugin may have. A
// stream is not repeated by the host, which does not have its messages: its
// caller is told at once that it was memory, and may know what to do without.
func (p *Plugin) tooLarge(code codes.Code) error {
	return status.Errorf(code, "takes more than %d MB of memory in plugin %s", p.host.options.Memory.Live/1e6, p.name)
}

// givenUp is the error of a call that has no attempts left.
func (p *Plugin) givenUp(method string, attempts int, err error) error {
	var hung errHung
	switch {
	case exhausted(err):
		return p.tooLarge(codes.InvalidArgument)
	case errors.As(err, &hung) && hung.busy():
		return status.Errorf(codes.InvalidArgument, "takes more than %v in plugin %s, which was busy for %v of it", hung.after, p.name, min(hung.worked, hung.after).Round(time.Second))
	}
	return status.Errorf(codes.Unavailable, "%s: given up after %d attempts: %s", method, attempts, status.Convert(err).Message())
}
