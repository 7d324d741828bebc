package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A suite that nobody calls judges nobody.
func TestEveryFolderOfWakersAndTransportsCallsTheSuite(t *testing.T) {
	for parent, call := range map[string]string{
		"../wake/*":      "conformance.TestWaker(",
		"../transport/*": "conformance.TestTransport(",
	} {
		folders, err := filepath.Glob(parent)
		require.NoError(t, err)
		require.NotEmpty(t, folders)
		for _, folder := range folders {
			info, err := os.Stat(folder)
			require.NoError(t, err)
			if !info.IsDir() || filepath.Base(folder) == "strategy" { // the list, which makes none itself
				continue
			}
			name := filepath.Base(folder)
			tests, err := filepath.Glob(folder + "/*_test.go")
			require.NoError(t, err)
			tests = append(tests, name+"_test.go")
			assert.True(t, anyContains(t, tests, call), "no test of %s calls %s...)", folder, call)
		}
	}
}

func anyContains(t *testing.T, files []string, call string) bool {
	t.Helper()
	for _, file := range files {
		source, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		if strings.Contains(string(source), call) {
			return true
		}
	}
	return false
}
