// A plugin that is not one of ddc's own: a service, and a main that serves it.
// See host/ for a program that starts and calls it.
package main

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/examples/plugin/shoutpb"
	"ddc/plugin"
)

type shout struct {
	shoutpb.UnimplementedShoutServer
}

// Register is what makes it a plugin.Service.
func (s shout) Register(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, s) }

// Louder is an ordinary gRPC handler: errors, metadata, deadlines as ever.
func (shout) Louder(_ context.Context, in *shoutpb.Text) (*shoutpb.Text, error) {
	if in.Text == "" {
		return nil, status.Error(codes.InvalidArgument, "nothing to shout")
	}
	return &shoutpb.Text{Text: strings.ToUpper(in.Text) + "!"}, nil
}

func main() { plugin.Main(shout{}) }
