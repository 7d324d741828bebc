package plugin

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestPluginWithoutAHostSaysSo(t *testing.T) {
	assert.ErrorIs(t, Serve(t.Context(), Func(func(grpc.ServiceRegistrar) {})), ErrNoHost)
}
