package host

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/await"
	"ddc/wake/strategy"
)

// The plugins' ends are waited for by pidfd, so the test needs no clock; what
// bounds it is generous.
func TestHostDeathEndsEveryPluginWhateverTheStrategy(t *testing.T) {
	path, err := os.Executable()
	require.NoError(t, err)
	host := exec.Command(path)
	host.Env = append(os.Environ(), envRole+"=host")
	out, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	var plugins []int
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err)
		fd, err := unix.PidfdOpen(pid, 0)
		require.NoError(t, err)
		plugins = append(plugins, fd)
	}
	require.Len(t, plugins, len(strategy.Names()))
	require.NoError(t, host.Process.Kill())
	require.Error(t, host.Wait())
	for _, fd := range plugins {
		ended, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(await.Limit.Milliseconds()))
		assert.NoError(t, err)
		assert.Equal(t, 1, ended, "a plugin outlived its host")
		assert.NoError(t, unix.Close(fd))
	}
}
