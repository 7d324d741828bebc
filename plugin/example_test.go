package plugin_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"ddc/examples/plugin/shoutpb"
	"ddc/plugin"
	"ddc/plugin/host"
)

type whisperer struct {
	shoutpb.UnimplementedShoutServer
}

func (whisperer) Louder(_ context.Context, in *shoutpb.Text) (*shoutpb.Text, error) {
	return &shoutpb.Text{Text: "(" + in.Text + ")"}, nil
}

// A plugin's main calls plugin.Main with such a service. To test it takes no
// process: a host runs it in this one.
func Example() {
	service := plugin.Func(func(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, whisperer{}) })
	h, err := host.New(host.Options{Local: func(string) (plugin.Service, error) { return service, nil }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	out, err := shoutpb.NewShoutClient(h.Conn("whisper")).Louder(context.Background(), &shoutpb.Text{Text: "hello"})
	fmt.Println(out.GetText(), err)
	// Output: (hello) <nil>
}

// asker asks its host for what it does not know.
type asker struct {
	shoutpb.UnimplementedShoutServer
}

func (asker) Louder(ctx context.Context, in *shoutpb.Text) (*shoutpb.Text, error) {
	return shoutpb.NewShoutClient(plugin.Host(ctx)).Louder(ctx, in)
}

// A host serves services to its plugins, and a handler calls them by
// plugin.Host, over the link that its own call came by.
func ExampleHost() {
	h, err := host.New(host.Options{
		Local: func(string) (plugin.Service, error) {
			return plugin.Func(func(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, asker{}) }), nil
		},
		Calls: host.Calls{Services: func(_ string, r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, whisperer{}) }},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	out, err := shoutpb.NewShoutClient(h.Conn("asker")).Louder(context.Background(), &shoutpb.Text{Text: "what is it?"})
	fmt.Println(out.GetText(), err)
	// Output: (what is it?) <nil>
}
