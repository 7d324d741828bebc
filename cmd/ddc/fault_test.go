package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each fault is told with its place by the script faults; here is what it
// leaves.
func TestFaultOfTheSiteLeavesTheLastOutputAndNothingElse(t *testing.T) {
	for name, files := range map[string][]string{
		"front matter": {"content/bad.md", "+++\ntitle = \"x\nweight = 1\n+++\ntext"},
		"SCSS":         {"sass/main.scss", "body {\n  color: $nowhere;\n}"},
		"SVG":          {"static/bad.svg", "<svg>\n<g></svg>"},
	} {
		t.Run(name, func(t *testing.T) {
			site := smallSite(t)
			o := ddc(t, "build", site, "--transport", "inproc")
			require.Zero(t, o.code, o.stderr)
			before := tree(t, filepath.Join(site, "public"))
			nothingLeft(t, site)
			write(t, site, files...)
			assert.Equal(t, exitSite, ddc(t, "build", site).code)
			assert.Equal(t, before, tree(t, filepath.Join(site, "public")))
		})
	}
}

func TestUnreadableFolderAndFullDiskAreToldAndLeaveNothing(t *testing.T) {
	t.Run("unreadable", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root reads everything")
		}
		site := smallSite(t)
		require.NoError(t, os.Chmod(filepath.Join(site, "content", "guide"), 0))
		o := ddc(t, "build", site)
		assert.Equal(t, exitSite, o.code)
		assert.Contains(t, o.stderr, "permission denied")
		require.NoError(t, os.Chmod(filepath.Join(site, "content", "guide"), 0o700))
	})
	t.Run("full disk", func(t *testing.T) {
		disk := t.TempDir()
		if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
			t.Skipf("no small disk to fill: %v", err)
		}
		t.Cleanup(func() { require.NoError(t, unix.Unmount(disk, 0)) })
		o := ddc(t, "build", smallSite(t), "-o", filepath.Join(disk, "out"))
		assert.Equal(t, exitMachinery, o.code)
		assert.Regexp(t, `^error: write \S+: .*no space left on device .*make room .*--output.*the last output is as it was`, strings.ReplaceAll(o.stderr, "\n", " "))
		entries, err := os.ReadDir(disk)
		require.NoError(t, err)
		assert.Empty(t, entries)
	})
}
