package store

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		child(folder)
	}
	if folder := os.Getenv(childSession); folder != "" {
		sessionChild(folder)
	}
	goleak.VerifyTestMain(await.Watched(m))
}
