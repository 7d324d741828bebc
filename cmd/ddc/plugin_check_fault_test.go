//go:build ddcfault

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPluginCheckFaultsSaysWhoCrashes(t *testing.T) {
	o := ddc(t, "plugin", "check-faults", "--fault", "no-ring-on-space", "/bin/false")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stdout, "the program ended with exit status 1, and said \"\"")
	assert.Contains(t, o.stdout, "never by a crash")
	for _, wrong := range [][]string{{}, {"--fault", "pigeon", "/bin/true"}, {"--hub", "tall", "/bin/true"}, {"--wake", "pigeon", "/bin/true"}} {
		o := ddc(t, append([]string{"plugin", "check-faults"}, wrong...)...)
		assert.Equal(t, exitUsage, o.code, "%v: %s", wrong, o.stderr)
	}
}
