package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
			assert.Contains(t, built.stdout, "network: linkcheck; programs: code_execution, fonts, jxl, pagefind, sass")
			assert.NotContains(t, built.stderr, "not confined")
		}
		if want == nil {
			want = tree(t, output)
		}
		assert.Equal(t, want, tree(t, output), name)
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
