package site_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/bulk"
	"ddc/site"
	"ddc/site/output"
)

// holes makes a file of nothing but holes.
func holes(t *testing.T, file string, size int64) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o777))
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	if err := os.Truncate(file, size); err != nil {
		t.Skipf("a file of %d bytes: %v", size, err)
	}
}

func TestHolesOfACopiedFileAreCopiedAsHoles(t *testing.T) {
	const size = 200 << 20
	p := newProject(t, "content/post/index.md", "+++\ntitle = \"x\"\n+++\n")
	files := []string{"static/some.bin", "content/post/beside.bin"}
	for _, name := range files {
		holes(t, filepath.Join(p.folder, name), size)
	}
	_, err := p.build(site.Options{})
	require.NoError(t, err)
	for _, name := range []string{"some.bin", "post/beside.bin"} {
		info, err := os.Stat(filepath.Join(p.folder, "public", name))
		require.NoError(t, err)
		assert.Equal(t, int64(size), info.Size())
		assert.Less(t, info.Sys().(*syscall.Stat_t).Blocks*512, int64(1<<20), "what it takes of the disk")
	}
}

// It once filled the disk, hours after it was digested.
func TestFileOfMoreBytesThanTheDiskHasIsAFaultAtOnce(t *testing.T) {
	const size = 10 << 40
	for _, name := range []string{"static/huge.bin", "content/post/huge.bin", "static/huge.mp4"} {
		p := newProject(t, "content/post/index.md", "+++\ntitle = \"x\"\n+++\n")
		holes(t, filepath.Join(p.folder, name), size)
		if disk, known := bulk.Capacity(p.folder); !known || disk >= size {
			t.Skip("this disk has room for it")
		}
		faults := p.faults(site.Options{})
		require.Len(t, faults, 1)
		assert.Regexp(t, "^"+name+`: has 10485760 MiB; all of the file system that the output is written to has \d+ (MiB|bytes) \(move it out of the site\)$`, faults[0])
	}
}

// The last output comes with a copied project, too.
func TestOddFilesInTheLastOutputAreReplaced(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("outside"), 0o600))
	for name, odd := range map[string]func(place string) error{
		"a pipe":   func(place string) error { return syscall.Mkfifo(place, 0o666) },
		"a link":   func(place string) error { return os.Symlink(outside, place) },
		"a device": func(place string) error { return os.Symlink("/dev/zero", place) },
		"a folder": func(place string) error { return os.MkdirAll(filepath.Join(place, "x"), 0o777) },
		"holes": func(place string) error {
			if err := os.WriteFile(place, nil, 0o666); err != nil {
				return err
			}
			return os.Truncate(place, 1<<40)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, "static/some.bin", "some")
			public := filepath.Join(p.folder, "public")
			require.NoError(t, os.Mkdir(public, 0o777))
			require.NoError(t, os.WriteFile(filepath.Join(public, output.Marker), nil, 0o666))
			for _, file := range []string{"index.html", "some.bin", "404.html"} {
				require.NoError(t, odd(filepath.Join(public, file)))
			}
			result, err := p.build(site.Options{Changes: true})
			require.NoError(t, err)
			assert.NotEmpty(t, result.Changes)
			for _, file := range []string{"index.html", "some.bin"} {
				info, err := os.Lstat(filepath.Join(public, file))
				require.NoError(t, err)
				assert.True(t, info.Mode().IsRegular())
				assert.Less(t, info.Size(), int64(1<<20))
			}
			text, err := os.ReadFile(outside)
			require.NoError(t, err)
			assert.Equal(t, "outside", string(text))
		})
	}
}
