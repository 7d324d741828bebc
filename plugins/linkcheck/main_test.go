package linkcheck

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(playChecker); url != "" {
		playCheck(url)
		return
	}
	goleak.VerifyTestMain(m)
}
