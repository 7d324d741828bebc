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
