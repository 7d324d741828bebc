package host_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"ddc/examples/plugin/shoutpb"
	"ddc/plugin"
	"ddc/plugin/host"
)

type echo struct {
	shoutpb.UnimplementedShoutServer
}

func (echo) Louder(_ context.Context, in *shoutpb.Text) (*shoutpb.Text, error) { return in, nil }

// A host of one plugin, which a test runs in its own process: without Local it
// would be the program that Command names. Each call goes through an
// interceptor. Drain waits for the calls under way.
func Example() {
	h, err := host.New(host.Options{
		Local: func(name string) (plugin.Service, error) {
			if name != "echo" {
				return nil, errors.New("there is no such plugin")
			}
			return plugin.Func(func(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, echo{}) }), nil
		},
		CallTimeout: 10 * time.Second,
		Calls: host.Calls{Unary: []grpc.UnaryClientInterceptor{
			func(ctx context.Context, method string, in, out any, conn *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				fmt.Println("calls", method)
				return next(ctx, method, in, out, conn, opts...)
			},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := shoutpb.NewShoutClient(h.Conn("echo")).Louder(ctx, &shoutpb.Text{Text: "hello"})
	fmt.Println(answer.GetText(), err)
	health, err := h.Plugin("echo").Health(ctx, "")
	fmt.Println(health, err)
	fmt.Println(h.Drain(ctx))
	// Output:
	// calls /example.shout.Shout/Louder
	// hello <nil>
	// SERVING <nil>
	// <nil>
}
