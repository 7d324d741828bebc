package rpc_test

import (
	"context"
	"fmt"

	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport/inproc"
)

// Both ends of a link in one process: in reality each is in its own.
func Example() {
	link := inproc.New()
	defer link.Close() //nolint:errcheck // the example is over
	here, there, err := link.Pair("echo")
	if err != nil {
		fmt.Println(err)
		return
	}

	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, &service{})
	served := make(chan error)
	go func() { served <- server.Serve(context.Background(), there) }()

	conn := rpc.NewConn(here, rpc.ConnOptions{Name: "plugin echo"})
	reply, err := rpctestpb.NewTestClient(conn).Echo(context.Background(), &rpctestpb.Packet{Text: "hello"})
	fmt.Println(reply.GetText(), err)

	fmt.Println(conn.Close(), <-served)
	// Output:
	// hello <nil>
	// <nil> <nil>
}
