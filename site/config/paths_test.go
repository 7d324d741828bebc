package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
)

// hostileProject is a project with all kinds of things that a path could name.
func hostileProject(t *testing.T) (folder, outside string) {
	t.Helper()
	folder, outside = project(t, ""), t.TempDir()
	for _, name := range []string{"content", "full", "empty", "used/results", ".cache/foreign", "crate", "secret"} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, name), 0o700))
	}
	for _, name := range []string{"full/file", "file", ".cache/foreign/file", "secret/file"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600))
	}
	for link, target := range map[string]string{"loop": "loop", "dangling": "nowhere", "out": outside, "root": "/", "in": filepath.Join(folder, "crate"), "self": "."} {
		require.NoError(t, os.Symlink(target, filepath.Join(folder, link)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600))
	return folder, outside
}

// refusedPaths are what neither a cache_dir nor a dependency's path may be,
// with what is said of each; {outside} stands for a folder outside.
var refusedPaths = map[string]string{
	strings.Repeat("x", 300):                "has a name of 300 bytes in it, and the system takes at most 255 (choose a shorter one)",
	"a/" + strings.Repeat("é", 128) + "/b":  "has a name of 256 bytes",
	strings.Repeat("x/", 2100) + "x":        "the system takes at most 4095",
	`a\u{0}b`:                               "has a zero byte in it",
	"loop":                                  "leads nowhere: ",
	"loop/below":                            "too many levels of symbolic links",
	"dangling":                              "leads nowhere: ",
	"file/below":                            "not a directory",
	"out":                                   "lies outside the project by a symbolic link that leads out of it, in {outside}",
	"out/below":                             "out of it, in {outside}/below (name a folder of the project, or, if you trust the site with that one, allow it: DDC_ALLOW_OUTSIDE={outside}/below)",
	"root":                                  "lies outside the project by a symbolic link that leads out of it, in /",
	"root/etc":                              "in /etc (",
	"..":                                    "lies outside the project, in ",
	"self/../../x":                          "lies outside the project, in ",
	"/":                                     "lies outside the project, in /",
	"/etc":                                  "lies outside the project, in /etc",
	"/proc/self/root/etc":                   "lies outside the project, in /etc",
	"/" + strings.Repeat("../", 40) + "etc": "lies outside the project, in /etc",
}

func TestAPathThatReachesTheSandboxIsWithinTheProjectAndCanBeOpened(t *testing.T) {
	folder, outside := hostileProject(t)
	t.Setenv(AllowVariable, "")
	for path, said := range refusedPaths {
		for setting, name := range map[string]string{
			`cache_dir "` + path + `"`:                  "3:18: cache_dir ",
			`dependency "near" path="` + path + `"`:     "3:41: the path of near ",
			`dependency "near" { path "` + path + `" }`: "3:38: the path of near ",
		} {
			faults := faultsOf(t, folder, setting)
			if assert.Len(t, faults, 1, "%.80q", setting) {
				assert.Contains(t, faults[0].Error(), name, "%.80q", setting)
				assert.Contains(t, faults[0].Error(), strings.ReplaceAll(said, "{outside}", outside), "%.80q", setting)
			}
		}
	}
}

func faultsOf(t *testing.T, folder, setting string) diagnostic.Errors {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(folder, Name), []byte(least+"code_execution { "+setting+" }"), 0o600))
	_, err := Load(folder, Overrides{})
	var faults diagnostic.Errors
	if err != nil {
		require.True(t, errors.As(err, &faults), "%v", err)
	}
	return faults
}

// Samples write to the cache, and "ddc clean" removes it.
func TestACacheHoldsNothingElse(t *testing.T) {
	folder, _ := hostileProject(t)
	for path, said := range map[string]string{
		".": "would make", ".config": "would make", "content": "would make", "public": "would make", "self": "would make",
		"full": "has files but is no cache", "secret": "has files but is no cache", "in/../full": "has files", "file": "not a directory", "pipe": "not a directory",
	} {
		faults := faultsOf(t, folder, `cache_dir "`+path+`"`)
		if assert.Len(t, faults, 1, path) {
			assert.Contains(t, faults[0].Error(), "3:18: cache_dir ", path)
			assert.Contains(t, faults[0].Error(), said, path)
		}
	}
	for _, path := range []string{"new", "new/below", "empty", "used", "in", "self/new", ".cache/foreign", ".cache/new"} {
		assert.Empty(t, faultsOf(t, folder, `cache_dir "`+path+`"`), path)
	}
	for _, path := range []string{".", "crate", "full", "missing", "in", "file"} {
		assert.Empty(t, faultsOf(t, folder, `dependency "near" path="`+path+`"`), path)
	}
}

func TestWhatLiesOutsideIsAllowedByThePersonAlone(t *testing.T) {
	folder, outside := hostileProject(t)
	linked := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(outside, linked))
	cache := `cache_dir "` + outside + `/cache"`
	for allowed, ok := range map[string]bool{
		"": false, outside: true, outside + "/cache": true, outside + "/cache/below": false, outside + "x": false, "/nowhere": false, linked: true,
		"/nowhere:" + outside: true, strings.Repeat("x", 300) + ":" + outside: true,
	} {
		t.Setenv(AllowVariable, allowed)
		assert.Equal(t, ok, len(faultsOf(t, folder, cache)) == 0, "%.80q", allowed)
		assert.Equal(t, ok, len(faultsOf(t, folder, `cache_dir "out/cache"`)) == 0, "%.80q", allowed)
		assert.Equal(t, ok, len(faultsOf(t, folder, `dependency "near" path="`+outside+`/cache"`)) == 0, "%.80q", allowed)
	}
	t.Chdir(filepath.Dir(outside))
	t.Setenv(AllowVariable, filepath.Base(outside))
	assert.Empty(t, faultsOf(t, folder, cache), "a relative one is the person's, from where they are")

	c, err := Load(folder, Overrides{})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(outside, "cache"), c.CodeExecution.CacheDir)
}

// No configuration, no place in it: the fault is told all the same.
func TestTheCacheOfASiteWithoutConfigurationIsChecked(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Symlink("/", filepath.Join(folder, ".cache")))
	_, err := Load(folder, Overrides{Content: filepath.Join(folder, "content"), Output: filepath.Join(folder, "public")})
	var faults diagnostic.Errors
	require.ErrorAs(t, err, &faults)
	assert.ErrorContains(t, err, ": the cache of code samples lies outside the project by a symbolic link")
	assert.NotContains(t, err.Error(), ":0:")
}

func TestAProgramsNameAndAnExtensionAreOnesThatCanBe(t *testing.T) {
	folder := project(t, "")
	for setting, said := range map[string]string{
		`sh { command "` + strings.Repeat("x", 300) + `" }`:                 "3:23: command has a name of 300 bytes",
		`sh { command "a\u{0}b" }`:                                          "3:23: command has a zero byte",
		`sh { command "sh"; extension "` + strings.Repeat("x", 300) + `" }`: "3:37: extension must be the end of a file's name",
		`sh { command "sh"; extension "/../../x" }`:                         "3:37: extension must be",
	} {
		faults := faultsOf(t, folder, setting)
		if assert.Len(t, faults, 1, "%.80q", setting) {
			assert.Contains(t, faults[0].Error(), said)
		}
	}
	assert.Empty(t, faultsOf(t, folder, `sh { command "sh"; extension ".tar.gz" }`))
}
