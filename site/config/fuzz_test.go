package config

import (
	"errors"
	"testing"

	"ddc/internal/diagnostic"
)

// Whatever a configuration says, it is understood, or refused with a place in
// it.
func FuzzDecode(f *testing.F) {
	f.Add(least)
	f.Add(least + "wake \"futex\"\nstable_assets {\n  \"a.png\"\n}\nlink_check {\n  rate_limit_ms 5\n  skip_domains \"a.b\"\n}\n")
	f.Add(least + "code_execution {\n  enabled #true\n  timeout_secs 30\n  cache_dir \"../../x\"\n  dependencies {\n    \"serde\" \"1.0\"\n    \"b\" path=\"/\"\n  }\n  rust {\n    command \"cargo\"\n    args \"run\"\n    extension \"rs\"\n  }\n}\n")
	f.Add("code_execution { timeout_secs -1e999 }")
	f.Add("content 5 {\n")
	f.Fuzz(func(t *testing.T, source string) {
		c := defaults()
		c.Root = "/project"
		err := c.decode("fuzz.kdl", source, Overrides{})
		var faults diagnostic.Errors
		if err == nil {
			return
		}
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("an error without a place: %v", err)
		}
		for _, e := range faults {
			if e.Line < 1 || e.Col < 1 {
				t.Fatalf("an error at %d:%d: %v", e.Line, e.Col, e)
			}
		}
	})
}
