package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The call, the page and the process are what nobody knew of the hang.
func TestTheHangOfTheReportIsReproducedAndNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a handler must be stuck")
	}
	for name, waits := range map[string]string{
		"":         `waits for process \d+ \(sleep\)\n`,
		"--nested": `waits for process \d+ \([^)]+\), which waits for process \d+ \([^)]+\)`,
	} {
		t.Run("reproduce"+name, func(t *testing.T) {
			args := []string{"wake", "reproduce", "--limit", "12s"}
			if name != "" {
				args = append(args, name)
			}
			o := ddc(t, args...)
			assert.Equal(t, exitOK, o.code, o.stderr)
			assert.Contains(t, o.stdout, "sample 5, line 70: ran well\n")
			assert.Regexp(t, `handler stuck: code_execution since \d+ s in ExecuteSamples for content/guide/quick-start\.md:84, `+waits, o.stdout)
			assert.Contains(t, o.stdout, "rings: 0 frames unread by the plugin, 0 by the host; the plugin's doorbell: asleep, ")
			assert.Regexp(t, `the call's limit ended it: .* for content/guide/quick-start\.md:84 was not answered within 12s; the plugin waits for process`, o.stdout)
		})
	}
	assert.Equal(t, exitUsage, ddc(t, "wake", "reproduce", "--limit", "1s").code)
	assert.Equal(t, exitUsage, ddc(t, "wake", "reproduce", "--wake", "telegraph").code)
}
