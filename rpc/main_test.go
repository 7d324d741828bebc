package rpc_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // handlers panic here on purpose
	goleak.VerifyTestMain(await.Watched(m))
}
