// Package interop_test runs gRPC's own interoperability cases, as grpc-go has
// them, against a plugin in a process of its own on each wake strategy, and in
// this process. It is a module of its own, so that nobody else inherits what
// those cases need.
package interop_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/wake/strategy"
)

// envPlugin says that this test binary is the plugin.
const envPlugin = "DDC_INTEROP_PLUGIN"

func TestMain(m *testing.M) {
	if os.Getenv(envPlugin) != "" {
		plugin.Main(service)
	}
	grpclog.SetLoggerV2(failing{grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)})
	goleak.VerifyTestMain(m)
}

var service = plugin.Func(func(r grpc.ServiceRegistrar) { testpb.RegisterTestServiceServer(r, named{interop.NewTestServer()}) })

// named is gRPC's server, which leaves it to others to say which process it is.
type named struct{ testpb.TestServiceServer }

func (n named) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	reply, err := n.TestServiceServer.UnaryCall(ctx, in)
	if err == nil && in.GetFillServerId() {
		reply.ServerId = fmt.Sprint(os.Getpid())
	}
	return reply, err
}

// current is the test that runs: the cases tell of a failure by ending the
// process.
var current *testing.T

// failing fails the test in place of ending the process.
type failing struct{ grpclog.LoggerV2 }

func (failing) Fatal(args ...any)                 { current.Fatal(args...) }
func (failing) Fatalln(args ...any)               { current.Fatal(args...) }
func (failing) Fatalf(format string, args ...any) { current.Fatalf(format, args...) }

func (failing) InfoDepth(int, ...any)         {}
func (failing) WarningDepth(int, ...any)      {}
func (failing) ErrorDepth(int, ...any)        {}
func (failing) FatalDepth(_ int, args ...any) { current.Fatal(args...) }

// cases are those of gRPC's own client (grpc/interop/client) that can be asked
// of a connection that is no *grpc.ClientConn: 15 of 26. The others, and why
// they cannot:
//
//	compute_engine_creds, service_account_creds, jwt_token_creds,       Google's servers and keys
//	per_rpc_creds, oauth2_auth_token, google_default_credentials,
//	compute_engine_channel_credentials
//	orca_per_rpc, orca_oob     the report is read by a balancer of a *grpc.ClientConn, and
//	                           written by an option that only a *grpc.Server takes
//	rpc_soak, channel_soak     dial a *grpc.ClientConn, again and again
//
// Credentials of a call are tested in conformance/grpc, trailers that end in
// -bin in rpc.
var cases = []struct {
	name string
	run  func(ctx context.Context, t *testing.T, cc grpc.ClientConnInterface)
}{
	{"empty_unary", calls(interop.DoEmptyUnaryCall)},
	{"large_unary", calls(interop.DoLargeUnaryCall)},
	{"client_streaming", calls(interop.DoClientStreaming)},
	{"server_streaming", calls(interop.DoServerStreaming)},
	{"ping_pong", calls(interop.DoPingPong)},
	{"empty_stream", calls(interop.DoEmptyStream)},
	{"timeout_on_sleeping_server", calls(interop.DoTimeoutOnSleepingServer)},
	{"cancel_after_begin", calls(interop.DoCancelAfterBegin)},
	{"cancel_after_first_response", calls(interop.DoCancelAfterFirstResponse)},
	{"custom_metadata", calls(interop.DoCustomMetadata)},
	{"status_code_and_message", calls(interop.DoStatusCodeAndMessage)},
	{"special_status_message", calls(interop.DoSpecialStatusMessage)},
	{"unimplemented_service", func(ctx context.Context, _ *testing.T, cc grpc.ClientConnInterface) {
		interop.DoUnimplementedService(ctx, testpb.NewUnimplementedServiceClient(cc))
	}},
	{"pick_first_unary", func(ctx context.Context, _ *testing.T, cc grpc.ClientConnInterface) {
		interop.DoPickFirstUnary(ctx, testpb.NewTestServiceClient(cc)) // a hundred calls reach one process
	}},
	// As DoUnimplementedMethod has it, which asks for a *grpc.ClientConn.
	{"unimplemented_method", func(ctx context.Context, t *testing.T, cc grpc.ClientConnInterface) {
		err := cc.Invoke(ctx, "/grpc.testing.TestService/UnimplementedCall", nil, nil)
		assert.Equal(t, codes.Unimplemented, status.Code(err), "of %v", err)
	}},
}

func calls(run func(context.Context, testpb.TestServiceClient, ...grpc.CallOption)) func(context.Context, *testing.T, grpc.ClientConnInterface) {
	return func(ctx context.Context, _ *testing.T, cc grpc.ClientConnInterface) {
		run(ctx, testpb.NewTestServiceClient(cc))
	}
}

func TestInteroperabilityCases(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv(envPlugin, "1")
	ways := map[string]host.Options{"inproc": {Local: func(string) (plugin.Service, error) { return service, nil }}}
	for _, name := range strategy.Names() {
		ways["process/"+name] = host.Options{Wake: name, Command: func(string) (string, []string) { return self, nil }}
	}
	for name, options := range ways {
		t.Run(name, func(t *testing.T) {
			h, err := host.New(options)
			require.NoError(t, err)
			defer func() { assert.NoError(t, h.Close()) }()
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					current = t
					c.run(t.Context(), t, h.Conn("interop"))
				})
			}
			assert.Zero(t, h.Plugin("interop").Stats().Restarts, fmt.Sprintf("%+v", h.Plugin("interop").Stats()))
		})
	}
}
