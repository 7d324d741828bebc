package remote_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"ddc/plugin/remote"
	"ddc/rpc/rpctestpb"
)

// local stands for what makes a worker's calls: a host's Conn to its plugin.
type local struct{ grpc.ClientConnInterface }

func (local) Invoke(_ context.Context, _ string, in, out any, _ ...grpc.CallOption) error {
	proto.Merge(out.(proto.Message), in.(proto.Message))
	return nil
}

// A worker and its caller. Here they are in one process, and talk over a socket
// for this user alone; across machines both also have certificates
// ([remote.TLS]).
func Example() {
	folder, err := os.MkdirTemp("", "worker-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	socket := "unix:" + filepath.Join(folder, "s")
	program := remote.Identity{Program: "a digest of this program", Version: "1.0"}

	server, err := remote.NewServer(remote.ServerOptions{
		Identity: program, Jobs: 4,
		Plugins: []remote.Served{{Name: "echo", Conn: local{}, Methods: []string{rpctestpb.Test_Echo_FullMethodName}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := remote.Listen(socket, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()

	conn, err := remote.Dial(ctx, socket, []string{"echo"}, remote.Options{Identity: program})
	if err == nil {
		var answer *rpctestpb.Packet
		answer, err = rpctestpb.NewTestClient(conn.Plugin("echo")).Echo(ctx, &rpctestpb.Packet{Data: []byte("made elsewhere")})
		fmt.Printf("%s\n", answer.GetData())
	}
	if err != nil {
		fmt.Println(err)
	}
	if conn != nil {
		_ = conn.Close()
	}
	stop() // the worker takes no more calls, and ends once those under way have
	fmt.Println(<-served)
	// Output:
	// made elsewhere
	// <nil>
}
