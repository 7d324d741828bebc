package plugin

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPluginWithoutAHostSaysSo(t *testing.T) {
	assert.ErrorIs(t, Serve(t.Context(), Func(func(grpc.ServiceRegistrar) {})), ErrNoHost)
}
