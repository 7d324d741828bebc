package heir

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// removeVariable makes this binary one that removes a folder, as somebody who
// may not read everything.
const removeVariable = "DDC_TEST_REMOVE"

// hostile fills a folder with what its owner may not enter, deep and deeper
// than a path can say, and with a link that leads out.
const hostile = `set -e
mkdir -p a/b/c closed/full; echo x >closed/full/file; ln -s ../outside link; echo x >readonly; chmod 400 readonly
i=0; while [ $i -lt 300 ]; do mkdir ddddddddddddddddddddddddddddddd; cd ddddddddddddddddddddddddddddddd 2>/dev/null || break; i=$((i+1)); done
chmod 000 .; cd /; cd "$1"; mkdir .ddc-removed-0 && chmod 000 .ddc-removed-0
chmod 000 closed/full closed a/b/c; chmod 500 a/b a; chmod 000 .`

func TestFoldersThatNobodyMayReadAreRemovedAllTheSame(t *testing.T) {
	for name, user := range map[string]*syscall.Credential{"as we are": nil, "as nobody": {Uid: 65534, Gid: 65534}} {
		t.Run(name, func(t *testing.T) {
			if user != nil && os.Getuid() != 0 {
				t.Skip("only root can become somebody else")
			}
			parent, err := os.MkdirTemp("", "heir-") // in folders of tests only their owner may look
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, os.RemoveAll(parent)) })
			require.NoError(t, os.Chmod(parent, 0o777))
			binary, err := os.ReadFile(os.Args[0])
			require.NoError(t, err)
			program := filepath.Join(parent, "program")
			require.NoError(t, os.WriteFile(program, binary, 0o755))
			outside := filepath.Join(parent, "outside")
			require.NoError(t, os.Mkdir(outside, 0o755))
			for _, by := range []string{"Remove", "the heir"} {
				folder := filepath.Join(parent, "folder")
				as := func(cmd *exec.Cmd) *exec.Cmd {
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
					return cmd
				}
				require.NoError(t, as(exec.Command("/bin/mkdir", folder)).Run())
				made := as(exec.Command("/bin/sh", "-c", hostile, "sh", folder))
				made.Dir = folder
				said, err := made.CombinedOutput()
				require.NoError(t, err, string(said))
				var removed *exec.Cmd
				if by == "Remove" {
					removed = as(exec.Command(program))
					removed.Env = append(os.Environ(), removeVariable+"="+folder)
				} else {
					removed = as(exec.Command("/bin/sh", "-c", script)) // its input ends at once: its owner was killed
					read, write, err := os.Pipe()
					require.NoError(t, err)
					_, err = write.WriteString("-" + folder + "\n")
					require.NoError(t, err)
					require.NoError(t, write.Close())
					removed.Stdin = read
					defer read.Close()
				}
				said, err = removed.CombinedOutput()
				require.NoError(t, err, "%s: %s", by, said)
				_, err = os.Lstat(folder)
				assert.ErrorIs(t, err, os.ErrNotExist, by)
				info, err := os.Stat(outside)
				require.NoError(t, err)
				assert.Equal(t, os.FileMode(0o755), info.Mode().Perm(), "a link was followed")
			}
		})
	}
	assert.NoError(t, Remove(filepath.Join(t.TempDir(), "none")))
}
