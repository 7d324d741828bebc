package spec

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// A folder of programs brings the one that it lies in along, but never
// somebody's home.
func TestAHomeIsNotAProgramsFolder(t *testing.T) {
	home := t.TempDir()
	own, err := user.Current()
	require.NoError(t, err)
	for _, said := range []string{home, "", "/nowhere", filepath.Join(home, "loop")} { // what HOME says may be wrong
		t.Setenv("HOME", said)
		for _, folder := range []string{own.HomeDir + "/bin", "/bin", "/srv/.local/bin"} {
			assert.Equal(t, []string{folder}, Around(folder), "HOME=%s", said)
		}
		assert.Equal(t, []string{"/opt/x/bin", "/opt/x"}, Around("/opt/x/bin"))
	}
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(home, link))
	t.Setenv("HOME", link)
	for _, folder := range []string{home + "/bin", link + "/bin", home + "/.local/bin"} {
		assert.Equal(t, []string{folder}, Around(folder))
	}
}
