package host

import (
	"fmt"
	"os"

	"google.golang.org/grpc"

	"ddc/internal/sys"
	"ddc/rpc"
	"ddc/rpc/stock"
	"ddc/transport"
)

// connection makes the calls of a run.
type connection interface {
	grpc.ClientConnInterface
	// Done is closed when the run can answer no call any more.
	Done() <-chan struct{}
	Calls() []rpc.Call
	Close() error
}

// link joins the host to a plugin's process: a place in a hub, or a socket.
type link interface {
	Attached() bool
	Done() <-chan struct{}
	Err() error
	Stats() transport.Stats
	PeerDied(cause error)
	Close() error
}

// offer is a link whose other end the next process is to have.
type offer struct {
	link link
	// connect is called once the process has started.
	connect func() connection
	hub     string     // what the process is told of it; "" without a hub
	files   []*os.File // what it inherits
	letGo   func()     // closes this process's copies of files
}

// offer makes a link for a plugin's next run.
func (h *Host) offer(name string, o rpc.ConnOptions) (*offer, error) {
	if h.options.GRPC {
		return offerSocket(o)
	}
	own, err := h.hubFor(name)
	if err != nil {
		return nil, err
	}
	made, err := own.Offer(name, h.strategies[h.WakeOf(name)])
	if err != nil {
		return nil, err
	}
	return &offer{
		link: made.Link, connect: func() connection { return rpc.NewConn(made.Link, o) },
		hub: made.Text, files: made.Files, letGo: made.Close,
	}, nil
}

func offerSocket(o rpc.ConnOptions) (*offer, error) {
	ours, theirs, err := sys.Socketpair()
	if err != nil {
		return nil, fmt.Errorf("make a connection: %w", err)
	}
	conn, err := stock.NewConn(ours, o)
	if err != nil {
		_ = theirs.Close() // nobody has it
		return nil, err
	}
	return &offer{
		link: conn, connect: func() connection { return conn },
		files: []*os.File{theirs}, letGo: func() { _ = theirs.Close() }, // the plugin has its own by then
	}, nil
}
