package host

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"

	"ddc/internal/enclosure"
)

// wardens lets a plugin that is about to start ask this process for wardens
// (package enclosure), since a confined process cannot give its children a
// /proc of their own. What a warden starts is confined as the plugin is. For a
// plugin without that right wardens returns nil; otherwise it returns the end
// to close here once the plugin has its own.
func (f *forkers) wardens(name string, cmd *exec.Cmd) (*enclosure.Host, *os.File, error) {
	if f.confine == nil {
		return nil, nil, nil // the plugin starts them itself
	}
	c := f.confine(name)
	if !c.Wardens {
		return nil, nil, nil
	}
	policy := confined(c, cmd.Path, f.temporary)
	host, theirs, err := enclosure.Serve(&policy, makeExpendable)
	if err != nil {
		return nil, nil, err
	}
	const standardStreams = 3
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", enclosure.Variable, standardStreams+len(cmd.ExtraFiles)))
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	return host, theirs, nil
}

// endWardens is called when the plugin has ended. Its wardens end with it.
func endWardens(host *enclosure.Host, logger *slog.Logger) {
	if host == nil {
		return
	}
	if err := host.Close(); err != nil {
		logger.Warn("something that a code sample started cannot be ended", "cause", err)
	}
}
