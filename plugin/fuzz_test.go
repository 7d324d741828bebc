package plugin

import (
	"strings"
	"testing"

	"ddc/plugin/agreement"
	"ddc/wake/strategy"
)

// Whatever the environment says, a plugin agrees to no more than it can
// inherit.
func FuzzHandshake(f *testing.F) {
	names := make([]string, 0, 8)
	for _, variable := range (agreement.Terms{NoPrograms: true}).Environ() {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	current, _, _ := strings.Cut(strings.TrimPrefix((agreement.Terms{}).Environ()[0], agreement.Version+"="), " ")
	f.Add(current, "v3 peer=3 incarnation=1 wake=futex files=1", "fonts", "auto", "INFO", "0,0,0", "0", "")
	f.Add(current, "v3 peer=3 incarnation=1 wake=pipe files=7", "", "20us", "DEBUG-4", "67108864,1000000,134217728", "234881024", "none")
	f.Add(current, "v3 peer=3 incarnation=1 wake=pipe files=999999997", "\x00", "off", "WARN", "-1,0", "-1", "many")
	f.Add("1", "", "", "", "", "", "", "")
	f.Add("", "v3", "", "-1h", "LOUD", "many", "more", "")
	f.Fuzz(func(t *testing.T, version, offer, name, spin, level, requests, live, programs string) {
		environment := map[string]string{}
		for i, value := range []string{version, offer, name, spin, level, requests, live, programs} {
			environment[names[i]] = value
		}
		i, files, err := agree(func(name string) string { return environment[name] }, strategy.ByName)
		if err != nil {
			return
		}
		if version != current || files < 1 || files > maxFiles || i.strategy == nil || i.logger == nil || i.Requests.Bytes < 0 || i.Requests.Fields < 0 || i.Requests.Decoded < 0 || i.Live < 0 {
			t.Fatalf("%v was agreed to: %d files, %+v", environment, files, i)
		}
	})
}
