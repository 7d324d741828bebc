package grpc_test

import (
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"ddc/rpc/rpctestpb"
)

func TestServiceInfoListsServicesAndMethods(t *testing.T) {
	overEach(t, setup{}, func(t *testing.T, e *ends) {
		info := e.server.GetServiceInfo()
		require.Len(t, info, 1)
		got := info[rpctestpb.Test_ServiceDesc.ServiceName]
		assert.Equal(t, rpctestpb.Test_ServiceDesc.Metadata, got.Metadata)
		assert.ElementsMatch(t, []grpc.MethodInfo{
			{Name: "Echo"}, {Name: "Count", IsServerStream: true}, {Name: "Sum", IsClientStream: true},
			{Name: "Chat", IsClientStream: true, IsServerStream: true},
		}, got.Methods)
	})
}

// The services that gRPC brings along can be registered, and work.
func TestReflectionAndHealthRegister(t *testing.T) {
	var checks *health.Server
	s := setup{register: func(srv server) {
		checks = health.NewServer()
		healthpb.RegisterHealthServer(srv, checks)
		reflection.Register(srv)
	}}
	overEach(t, s, func(t *testing.T, e *ends) {
		checks.SetServingStatus("ddc", healthpb.HealthCheckResponse_SERVING)
		client := healthpb.NewHealthClient(e)
		got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "ddc"})
		require.NoError(t, err)
		assert.Equal(t, healthpb.HealthCheckResponse_SERVING, got.GetStatus())
		_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nope"})
		assertCode(t, codes.NotFound, err)
		watched, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "ddc"})
		require.NoError(t, err)
		got, err = watched.Recv()
		require.NoError(t, err)
		assert.Equal(t, healthpb.HealthCheckResponse_SERVING, got.GetStatus())
		checks.SetServingStatus("ddc", healthpb.HealthCheckResponse_NOT_SERVING)
		got, err = watched.Recv()
		require.NoError(t, err)
		assert.Equal(t, healthpb.HealthCheckResponse_NOT_SERVING, got.GetStatus())

		asked, err := reflectionpb.NewServerReflectionClient(e).ServerReflectionInfo(t.Context())
		require.NoError(t, err)
		require.NoError(t, asked.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}))
		answer, err := asked.Recv()
		require.NoError(t, err)
		var names []string
		for _, service := range answer.GetListServicesResponse().GetService() {
			names = append(names, service.GetName())
		}
		slices.Sort(names)
		assert.Equal(t, []string{"ddc.rpctest.Test", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}, names)
		require.NoError(t, asked.CloseSend())
		_, err = asked.Recv()
		assert.Same(t, io.EOF, err)
	})
}
