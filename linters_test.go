package ddc_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ddc/internal/doctable"
)

var write = flag.Bool("write", false, "write the rules of .golangci.yml anew")

// depguard is the part of forbidden that the linter depguard can say: it shows
// an import that is forbidden while it is typed. Stubs cannot be told from
// their plugins there, so rules about plugins/* are the test's alone.
func depguard() string {
	var b strings.Builder
	var done []string
	for _, rule := range forbidden {
		if slices.Contains(done, rule.from) {
			continue
		}
		done = append(done, rule.from)
		fmt.Fprintf(&b, "        %s:\n          files: [%q, \"!$test\"]\n          deny:\n", strings.NewReplacer("/...", "-all", "/*", "-each", "/", "-").Replace(rule.from), filesOf(rule.from))
		for _, r := range forbidden {
			if r.from != rule.from || r.to == "plugins/*" {
				continue
			}
			for _, pkg := range prefixesOf(r.to) {
				fmt.Fprintf(&b, "            - {pkg: %q, desc: %q}\n", pkg, r.why)
			}
		}
	}
	return b.String()
}

// filesOf is a pattern of layers as a glob of files.
func filesOf(pattern string) string {
	if base, all := strings.CutSuffix(pattern, "/..."); all {
		return "**/" + base + "/**"
	}
	return "**/" + pattern + "/*.go"
}

// prefixesOf is a pattern of layers as prefixes of import paths; $ is their
// end.
func prefixesOf(pattern string) []string {
	if pattern == "testing" {
		return []string{"testing$"}
	}
	path := "ddc/" + pattern
	if base, all := strings.CutSuffix(path, "/..."); all {
		return []string{base + "$", base + "/"}
	}
	if base, below := strings.CutSuffix(path, "/*"); below {
		return []string{base + "/"}
	}
	return []string{path + "$"}
}

func TestLintersKnowWhatIsForbidden(t *testing.T) {
	doctable.Hold(t, ".golangci.yml", "      rules: # made by: go test . -run LintersKnow -write\n", "# end\n", depguard(), *write)
}
