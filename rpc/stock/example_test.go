package stock_test

import (
	"context"
	"fmt"
	"net"

	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/rpc/stock"
)

// echo answers with what it was sent.
type echo struct {
	rpctestpb.UnimplementedTestServer
}

func (echo) Echo(_ context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) { return p, nil }

// Both ends over one connection. Between processes it is a socket that the
// plugin has inherited, and NewConn and Serve take its file.
func Example() {
	here, there := net.Pipe()
	server := stock.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, echo{})
	served := make(chan error, 1)
	go func() { served <- server.ServeOver(context.Background(), there) }()

	conn, err := stock.Over(here, rpc.ConnOptions{Name: "plugin echo"})
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := rpctestpb.NewTestClient(conn).Echo(context.Background(), &rpctestpb.Packet{Text: "hello"})
	fmt.Println(reply.GetText(), err)
	fmt.Println(conn.Close(), <-served)
	// Output:
	// hello <nil>
	// <nil> <nil>
}
