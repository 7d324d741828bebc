package plugin

import (
	"testing"

	"ddc/wake/strategy"
)

// Whatever the environment says, a plugin agrees to no more than it can inherit.
func FuzzHandshake(f *testing.F) {
	f.Add(agreement, "v3 peer=3 incarnation=1 wake=futex files=1", "auto", "INFO", "0,0,0", "0")
	f.Add(agreement, "v3 peer=3 incarnation=1 wake=pipe files=7", "20us", "DEBUG-4", "67108864,1000000,134217728", "234881024")
	f.Add(agreement, "v3 peer=3 incarnation=1 wake=pipe files=999999997", "off", "WARN", "-1,0", "-1")
	f.Add("1", "", "", "", "", "")
	f.Add("", "v3", "-1h", "LOUD", "many", "more")
	f.Fuzz(func(t *testing.T, version, offer, spin, level, requests, live string) {
		environment := map[string]string{envAgreement: version, envHub: offer, envSpin: spin, envLogLevel: level, envRequests: requests, envLive: live}
		i, files, err := agree(func(name string) string { return environment[name] }, strategy.ByName)
		if err != nil {
			return
		}
		if version != agreement || files < 1 || files > maxFiles || i.strategy == nil || i.logger == nil || i.requests.Bytes < 0 || i.requests.Fields < 0 || i.requests.Decoded < 0 || i.live < 0 {
			t.Fatalf("%v was agreed to: %d files, %+v", environment, files, i)
		}
	})
}
