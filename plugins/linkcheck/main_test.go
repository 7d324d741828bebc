package linkcheck

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(playChecker); url != "" {
		playCheck(url)
		return
	}
	goleak.VerifyTestMain(await.Watched(m))
}
