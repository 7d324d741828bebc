package watch_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/rpc/rpctestpb"
	"ddc/transport/hub"
)

// A host whose plugins are watched and traced. A program of a build's length
// has both from start to end; nothing else changes by it.
func Example() {
	os.Setenv(envRole, "plugin") // the program of the plugin is this one
	defer os.Unsetenv(envRole)
	h, err := host.New(host.Options{Command: self, Hub: hub.Options{Trace: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	ctx, abort := context.WithCancelCause(context.Background())
	dog := watch.Start(h, watch.Options{Bound: time.Minute, Abort: abort})
	defer dog.Stop() // before the host is closed
	var trace bytes.Buffer
	tracer, err := watch.Trace(h, &trace)
	if err != nil {
		fmt.Println(err)
		return
	}

	reply, err := rpctestpb.NewTestClient(h.Conn("echo")).Echo(ctx, &rpctestpb.Packet{Text: "hello"})
	fmt.Println(reply.GetText(), err)
	fmt.Println("hangs:", len(dog.Hangs()))
	fmt.Println(tracer.Stop())
	fmt.Println("the trace has the call:", strings.Contains(trace.String(), rpctestpb.Test_Echo_FullMethodName))
	// Output:
	// hello <nil>
	// hangs: 0
	// <nil>
	// the trace has the call: true
}
