package host

import (
	"context"
	"errors"
	"os/exec"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ddc/plugin/agreement"
	"ddc/rpc"
	"ddc/rpc/stock"
	"ddc/rpc/streamconn"
)

// ErrVersions is the cause of a run that ended because its program speaks none
// of the versions of Calls.Versions. It would not the next time either, so its
// calls are not repeated. Install a program that fits.
var ErrVersions = errors.New("no version of its service is spoken by both")

// speaksNone says whether a program ended for that.
func speaksNone(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == agreement.ExitVersions
}

// Health asks the plugin for the health of one of its services, by gRPC's
// health service, or of all with "". It starts the plugin if need be.
func (p *Plugin) Health(ctx context.Context, service string) (grpc_health_v1.HealthCheckResponse_ServingStatus, error) {
	said, err := grpc_health_v1.NewHealthClient(p).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	return said.GetStatus(), err
}

// Version asks the plugin which version of its service was agreed on: 0 if
// Calls.Versions names none. It starts the plugin if need be. A plugin that
// does not know versions answers with Unimplemented.
func (p *Plugin) Version(ctx context.Context) (int, error) {
	var version wrapperspb.Int32Value
	if err := p.Invoke(ctx, agreement.VersionMethod, &emptypb.Empty{}, &version); err != nil {
		return 0, err
	}
	return int(version.GetValue()), nil
}

// versions are those of a plugin's service that the host speaks.
func (h *Host) versions(name string) agreement.Versions {
	if h.options.Calls.Versions == nil {
		return agreement.Versions{}
	}
	return h.options.Calls.Versions(name)
}

// serve answers the calls of a run, over a stream of the run's own link, for as
// long as that lasts.
func (h *Host) serve(name string, r run) {
	if h.options.Calls.Services == nil {
		return
	}
	server := stock.NewServer(rpc.ServerOptions{MaxMessage: h.options.Calls.MaxMessage})
	h.options.Calls.Services(name, server)
	h.serving.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		wire, err := streamconn.Client(ctx, r.connection(), agreement.HostMethod)
		if err == nil {
			err = server.ServeOver(ctx, wire)
		}
		if err != nil {
			h.options.Logger.Debug("a plugin makes no more calls to its host", "plugin", name, "cause", err)
		}
	})
}
