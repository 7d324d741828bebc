package remote

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Check asks the worker at a target whether it is well, by gRPC's health
// service. It waits until ctx is done for a worker that does not answer.
func Check(ctx context.Context, target string, certificates *TLS) (err error) {
	if err := CheckTarget(target, certificates != nil); err != nil {
		return err
	}
	secured, err := certificates.dialling()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(secured), grpc.WithDisableServiceConfig())
	if err != nil {
		return fmt.Errorf("connect to %s: %w", target, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	said, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: healthName})
	if err != nil {
		return fmt.Errorf("ask the worker at %s whether it is well: %w", target, err)
	}
	if said.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the worker at %s is %s", target, said.Status)
	}
	return nil
}
