package watch_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"ddc/internal/await"
	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/rpc/rpctestpb"
)

// The role of this test binary when it was started by itself.
const envRole = "DDC_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(envRole) {
	case "":
		goleak.VerifyTestMain(await.Watched(m))
	case "stopped host":
		hostThatIsStopped()
	default:
		plugin.Main(testService{})
	}
}

// testService obeys the text of a packet.
type testService struct {
	rpctestpb.UnimplementedTestServer
}

func (s testService) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

func (testService) Echo(ctx context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	switch verb, argument, _ := strings.Cut(p.Text, " "); verb {
	case "pass": // once the file, a named pipe, has been opened for writing
		f, err := os.Open(argument)
		if err != nil {
			return nil, err
		}
		_ = f.Close()
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return p, nil
}

// self is the command that starts this test binary as a plugin.
func self(string) (string, []string) {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path, nil
}

func newHost(t *testing.T, o host.Options) *host.Host {
	t.Helper()
	t.Setenv(envRole, "plugin")
	o.Command = self
	h, err := host.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

func echo(t *testing.T, h *host.Host, name string, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return rpctestpb.NewTestClient(h.Conn(name)).Echo(ctx, p)
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
