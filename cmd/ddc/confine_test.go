package main

import (
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/sandbox"
	"ddc/site/config"
)

// Sixteen plugins, confined or not, with a hub each or one for all: the same bytes.
func TestConfinedAndIsolatedPluginsBuildTheSameSite(t *testing.T) {
	outputs := t.TempDir()
	site := realSite(t, "sample-site")
	want := map[string]string(nil)
	for name, flags := range map[string][]string{"confined": nil, "free": {"--no-sandbox"}, "isolated": {"--isolate"}} {
		output := filepath.Join(outputs, name)
		t.Setenv("DDC_SANDBOX", "") // --no-sandbox sets it
		built := ddc(t, append([]string{"build", site, "-o", output, "--all-plugins", "-v"}, flags...)...)
		require.Zero(t, built.code, built.stderr)
		assert.Contains(t, built.stdout, "16 plugins")
		if name == "free" {
			assert.Contains(t, built.stdout, "sandbox: none (--no-sandbox)")
		} else {
			assert.Contains(t, built.stdout, "sandbox: "+sandbox.Kernel().String()+"; network: linkcheck; programs: code_execution, fonts, jxl, pagefind, sass")
		}
		if want == nil {
			want = tree(t, output)
		}
		assert.Equal(t, want, tree(t, output), name)
	}
}

// A folder of programs brings the one that it lies in along, but never somebody's home.
func TestAHomeIsNotAProgramsFolder(t *testing.T) {
	home := t.TempDir()
	own, err := user.Current()
	require.NoError(t, err)
	for _, said := range []string{home, "", "/nowhere", filepath.Join(home, "loop")} { // what HOME says may be wrong
		t.Setenv("HOME", said)
		for _, folder := range []string{own.HomeDir + "/bin", "/bin", "/srv/.local/bin"} {
			assert.Equal(t, []string{folder}, around(folder), "HOME=%s", said)
		}
		assert.Equal(t, []string{"/opt/x/bin", "/opt/x"}, around("/opt/x/bin"))
	}
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(home, link))
	t.Setenv("HOME", link)
	for _, folder := range []string{home + "/bin", link + "/bin", home + "/.local/bin"} {
		assert.Equal(t, []string{folder}, around(folder))
	}
}

func TestOnlyLinkcheckHasTheNetworkUnlessCratesAreToBeFetched(t *testing.T) {
	cfg := &config.Config{}
	for _, name := range pluginNames() {
		p := confinementOf(name, cfg).Policy
		assert.Equal(t, name == "linkcheck", p.Network, name)
		assert.Equal(t, name == "code_execution" || toolsOf[name] != nil, p.Programs, name)
		if !p.Programs {
			assert.Empty(t, p.Write, name)
			assert.Empty(t, p.Execute, name)
		}
	}
	cfg.CodeExecution.Dependencies = []config.Dependency{{Name: "near", Path: "/near"}}
	assert.False(t, confinementOf("code_execution", cfg).Policy.Network)
	cfg.CodeExecution.Dependencies = []config.Dependency{{Name: "serde", Version: "1"}}
	assert.True(t, confinementOf("code_execution", cfg).Policy.Network)
}
