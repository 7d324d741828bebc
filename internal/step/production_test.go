//go:build !explore

package step_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// called are the functions that an ordinary build calls: Go, since the compiler
// does not inline what starts a goroutine, once for each link.
var called = []string{"Go"}

// The machine code of the packages that use the seam refers to nothing in it:
// what is empty is gone, and the types are those of sync and sync/atomic.
func TestProductionHoldsNoStep(t *testing.T) {
	if testing.Short() {
		t.Skip("the compiler makes the same of it again")
	}
	list := exec.Command("go", "list", "-tags", "nodynamic", "-export", "-f", `{{range .Imports}}{{if eq . "ddc/internal/step"}}{{$.Export}} {{$.ImportPath}}{{end}}{{end}}`, "ddc/...")
	archives, err := list.Output()
	require.NoError(t, err)
	packages := strings.Split(strings.TrimSpace(string(archives)), "\n")
	require.Greater(t, len(packages), 4, "the packages that use the seam")
	seen := map[string]bool{}
	for _, line := range packages {
		if line == "" {
			continue
		}
		archive, name, _ := strings.Cut(line, " ")
		code, err := exec.Command("go", "tool", "objdump", archive).Output()
		require.NoError(t, err)
		require.Contains(t, string(code), "TEXT "+name+".", "objdump sees the package's own functions")
		own := true
		for instruction := range strings.Lines(string(code)) {
			if function, ok := strings.CutPrefix(instruction, "TEXT "); ok {
				// The compiler leaves a copy of generic functions, which the
				// linker drops.
				own = !strings.HasPrefix(function, "ddc/internal/step.")
			}
			if _, callee, uses := strings.Cut(instruction, ":ddc/internal/step."); own && uses {
				callee = strings.TrimSpace(callee)
				assert.Contains(t, called, callee, "%s: %s", name, instruction)
				seen[callee] = true
			}
		}
	}
	assert.Len(t, seen, len(called), "what is called can be seen")
}
