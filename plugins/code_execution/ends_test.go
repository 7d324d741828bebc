package code_execution

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// daemon is what a shell starts to be rid of its parents: a session of its own,
// a parent that ends at once, no standard streams.
const daemon = "(setsid sh -c 'sleep 1000 & exit' <&- >&- 2>&- &)\n"

// users are those for whom a test runs: root, if we are, and somebody else.
var users = map[string]*syscall.Credential{"as we are": nil, "as nobody": {Uid: 65534, Gid: 65534}}

// player is this binary as a plugin with one sample, run by a user.
func player(t *testing.T, user *syscall.Credential, sample string) *exec.Cmd {
	t.Helper()
	if user != nil && os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	folder := commonFolder(t)
	program := filepath.Join(folder, "plugin")
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, binary, 0o755))
	cmd := exec.Command(program)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOME="+folder, "TMPDIR="+folder, playPlugin+"="+sample)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	return cmd
}

// commonFolder is one that everybody may use.
func commonFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "samples-") // in folders of tests only their owner may look
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o777))
	return folder
}

func TestWhatASampleLeavesBehindEndsWithIt(t *testing.T) {
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			h := newHeldIn(t, commonFolder(t))
			plugin := player(t, user, h.open()+daemon+"echo x >&9; exit 3")
			out, err := plugin.StdoutPipe()
			require.NoError(t, err)
			stays, err := plugin.StdinPipe() // the plugin ends when this does
			require.NoError(t, err)
			plugin.Stderr = os.Stderr
			require.NoError(t, plugin.Start())
			h.wait()
			said := make([]byte, 8)
			n, err := io.ReadAtLeast(out, said, 1)
			require.NoError(t, err)
			assert.Equal(t, "ended 3\n", string(said[:n]))
			h.assertGone()
			require.NoError(t, stays.Close())
			assert.NoError(t, plugin.Wait())
		})
	}
}

func TestWhatASampleStartedEndsWithAPluginThatIsKilled(t *testing.T) {
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			h := newHeldIn(t, commonFolder(t))
			plugin := player(t, user, h.open()+daemon+"echo x >&9; sleep 1000")
			plugin.Stderr = os.Stderr
			require.NoError(t, plugin.Start())
			h.wait()
			require.NoError(t, plugin.Process.Kill())
			assert.Error(t, plugin.Wait())
			h.assertGone()
		})
	}
}

// As of a whole tree that is stopped, of which the plugin keeps the time.
func TestTimeInWhichThePluginWasStoppedDoesNotCountForASample(t *testing.T) {
	const limit = 4 * time.Second
	h := newHeldIn(t, commonFolder(t))
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	plugin := player(t, nil, h.open()+"echo x >&9; read x <"+fifo+"; exit 3")
	plugin.Env = append(plugin.Env, fmt.Sprintf("%s=%d", playMilliseconds, limit.Milliseconds()))
	out, err := plugin.StdoutPipe()
	require.NoError(t, err)
	stays, err := plugin.StdinPipe()
	require.NoError(t, err)
	plugin.Stderr = os.Stderr
	require.NoError(t, plugin.Start())
	h.wait()
	require.NoError(t, plugin.Process.Signal(syscall.SIGSTOP))
	stopped := time.Now()
	await.Until(t, "the stop to outlast the sample's time", func() bool { return time.Since(stopped) > limit+limit/4 })
	require.NoError(t, plugin.Process.Signal(syscall.SIGCONT))
	require.NoError(t, os.WriteFile(fifo, []byte("x\n"), 0))
	said := make([]byte, 8)
	n, err := io.ReadAtLeast(out, said, 1)
	require.NoError(t, err)
	assert.Equal(t, "ended 3\n", string(said[:n]))
	require.NoError(t, stays.Close())
	assert.NoError(t, plugin.Wait())
}
