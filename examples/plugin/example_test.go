package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/wake/strategy"
)

func TestThirdPartyPluginShoutsOnEveryStrategy(t *testing.T) {
	folder := t.TempDir()
	out, err := exec.Command("go", "build", "-o", folder, ".", "./host").CombinedOutput()
	require.NoError(t, err, string(out))
	shout, host := filepath.Join(folder, "plugin"), filepath.Join(folder, "host")
	for _, name := range strategy.Names() {
		out, err := exec.Command(host, shout, name, "hello", "there").CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Equal(t, "HELLO THERE!\n", string(out), name)
	}
	out, err = exec.Command(host, shout, "futex").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "nothing to shout")
	out, err = exec.Command(shout).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "its host starts it")
}
