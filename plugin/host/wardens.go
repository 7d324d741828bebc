package host

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"

	"ddc/internal/enclosure"
)

// wardens lets a plugin that is to be started ask this process for wardens
// (package enclosure): what a confined process starts can't have a /proc of its
// own. What they start is held to what the plugin is held to. It returns nil for
// a plugin without that right, and else the end to close here once the plugin has its own.
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

// endWardens is called when the plugin has ended, and with it its wardens will.
func endWardens(host *enclosure.Host, logger *slog.Logger) {
	if host == nil {
		return
	}
	if err := host.Close(); err != nil {
		logger.Warn("something that a code sample started cannot be ended", "cause", err)
	}
}
