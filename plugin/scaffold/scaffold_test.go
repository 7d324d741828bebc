package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

const source = "../.."

func TestPluginInGoIsBuiltAndPassesItsTest(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "my-shout")
	require.NoError(t, Write(folder, Options{Language: Go, Source: source}))
	left, err := exec.CommandContext(t.Context(), "gofmt", "-l", folder).Output()
	require.NoError(t, err)
	assert.Empty(t, string(left))
	if testing.Short() {
		return // what follows is compiled
	}
	for _, args := range [][]string{{"vet", "."}, {"test", "."}, {"build", "."}} {
		run(t, folder, "go", args...)
	}
	assert.FileExists(t, filepath.Join(folder, "my-shout"))
}

func TestPluginInRustIsBuiltAndPassesItsTest(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "my-shout")
	require.NoError(t, Write(folder, Options{Language: Rust, Source: source}))
	if testing.Short() {
		return // what follows is compiled
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip("there is no cargo")
	}
	fetch := exec.CommandContext(t.Context(), "cargo", "fetch", "--quiet", "--locked")
	fetch.Dir = folder
	if out, err := fetch.CombinedOutput(); err != nil {
		require.NotContains(t, string(out), "lock file", "Cargo.lock is of other crates")
		t.Skipf("the crates cannot be had: %s", out)
	}
	run(t, folder, "cargo", "test", "--quiet", "--locked")
}

func run(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "RUSTFLAGS=-D warnings")
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", program, args, out)
}

func TestNothingIsWrittenOverOrIntoAFolderWithoutAName(t *testing.T) {
	folder := t.TempDir()
	full := filepath.Join(folder, "full")
	require.NoError(t, os.Mkdir(full, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(full, "main.go"), []byte("mine"), 0o666))
	assert.ErrorIs(t, Write(full, Options{Language: Go, Source: source}), ErrNotEmpty)
	assert.ErrorIs(t, Write(filepath.Join(folder, "Big Name"), Options{Language: Go, Source: source}), ErrName)
	assert.ErrorIs(t, Write(filepath.Join(folder, "new"), Options{Language: Go, Source: folder}), ErrSource)
	assert.NoDirExists(t, filepath.Join(folder, "new"))
}

func TestNoPlaceholderIsLeft(t *testing.T) {
	for _, language := range Languages() {
		texts, err := Options{Language: language, Source: source}.texts("my-shout")
		require.NoError(t, err)
		require.Contains(t, texts, ".gitignore")
		for file, text := range texts {
			for _, word := range []string{"@NAME@", "@IDENT@", "@MODULE@", "@SOURCE@"} {
				assert.False(t, strings.Contains(text, word), "%s: %s", file, word)
			}
		}
	}
}
