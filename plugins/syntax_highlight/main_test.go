package syntax_highlight

import (
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
)

// The clock of regexp2's time limits stays for one period after the last match.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(await.Watched(m), goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}
