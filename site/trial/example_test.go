package trial_test

import (
	"context"
	"fmt"
	"html"
	"strings"

	"google.golang.org/grpc"

	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/proto/sitepb"
	"ddc/site/trial"
)

// shouter has one shortcode, and is a service of a test's own process. A
// program is judged by the connection of a host that starts it.
type shouter struct {
	sitepb.UnimplementedSitePluginServer
}

func (shouter) Describe(context.Context, *sitepb.DescribeRequest) (*sitepb.DescribeResponse, error) {
	return &sitepb.DescribeResponse{Version: "1", Shortcodes: []string{"shout"}}, nil
}

func (shouter) Shortcode(_ context.Context, in *sitepb.ShortcodeRequest) (*sitepb.ShortcodeResponse, error) {
	return &sitepb.ShortcodeResponse{Html: "<b>" + html.EscapeString(strings.ToUpper(in.GetBody())) + "</b>"}, nil
}

func Example() {
	service := plugin.Func(func(r grpc.ServiceRegistrar) { sitepb.RegisterSitePluginServer(r, shouter{}) })
	h, err := host.New(host.Options{Local: func(string) (plugin.Service, error) { return service, nil }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	faults := 0
	for _, v := range trial.Run(context.Background(), sitepb.NewSitePluginClient(h.Conn("shout")), nil) {
		if v.Fault != "" {
			fmt.Println(v.Method, v.About, v.Fault)
			faults++
		}
	}
	fmt.Println("faults:", faults)
	// Output: faults: 0
}
