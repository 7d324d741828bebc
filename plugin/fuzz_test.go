package plugin

import (
	"testing"

	"ddc/wake/strategy"
)

// Whatever the environment says, a plugin agrees to no more than it can inherit.
func FuzzHandshake(f *testing.F) {
	f.Add(agreement, "v3 peer=3 incarnation=1 wake=futex files=1", "auto", "INFO")
	f.Add(agreement, "v3 peer=3 incarnation=1 wake=pipe files=7", "20us", "DEBUG-4")
	f.Add(agreement, "v3 peer=3 incarnation=1 wake=pipe files=999999997", "off", "WARN")
	f.Add("2", "", "", "")
	f.Add("", "v3", "-1h", "LOUD")
	f.Fuzz(func(t *testing.T, version, offer, spin, level string) {
		environment := map[string]string{envAgreement: version, envHub: offer, envSpin: spin, envLogLevel: level}
		i, files, err := agree(func(name string) string { return environment[name] }, strategy.ByName)
		if err != nil {
			return
		}
		if version != agreement || files < 1 || files > maxFiles || i.strategy == nil || i.logger == nil {
			t.Fatalf("%v was agreed to: %d files, %+v", environment, files, i)
		}
	})
}
