package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	"ddc/internal/sandbox"
	"ddc/plugin/spec"
	"ddc/plugins"
	"ddc/plugins/code_execution"
	"ddc/site/config"
)

// All plugins, confined or not, with a hub each or one for all: the same bytes.
func TestConfinedAndIsolatedPluginsBuildTheSameSite(t *testing.T) {
	outputs := t.TempDir()
	site := fixture.Site(t)
	want := map[string]string(nil)
	for name, flags := range map[string][]string{"confined": nil, "free": {"--no-sandbox"}, "isolated": {"--isolate"}} {
		output := filepath.Join(outputs, name)
		t.Setenv("DDC_SANDBOX", "") // --no-sandbox sets it
		built := ddc(t, append([]string{"build", site, "-o", output, "--all-plugins", "-v"}, flags...)...)
		require.Zero(t, built.code, built.stderr)
		assert.Contains(t, built.stdout, fmt.Sprintf("%d plugins", len(plugins.All())))
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

func TestOnlyLinkcheckHasTheNetworkUnlessCratesAreToBeFetched(t *testing.T) {
	cfg := &config.Config{}
	samples := func() spec.Policy { return code_execution.Spec().Confinement(siteOf(cfg, 1)).Policy }
	for _, s := range plugins.All() {
		p := s.Confinement(siteOf(cfg, 1)).Policy
		assert.Equal(t, s.Name == "linkcheck", p.Network, s.Name)
		assert.Equal(t, s.Name == "code_execution" || len(s.Tools) > 0, p.Programs, s.Name)
		if !p.Programs {
			assert.Empty(t, p.Write, s.Name)
			assert.Empty(t, p.Execute, s.Name)
		}
	}
	cfg.CodeExecution.Dependencies = []config.Dependency{{Name: "near", Path: "/near"}}
	assert.False(t, samples().Network)
	assert.Contains(t, samples().Read, "/near")
	cfg.CodeExecution.Dependencies = []config.Dependency{{Name: "serde", Version: "1"}}
	assert.True(t, samples().Network)
}
