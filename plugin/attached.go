package plugin

import (
	"context"
	"errors"
	"io"
	"os"

	"ddc/inspect/text"
	"ddc/internal/dump"
	"ddc/rpc"
	"ddc/rpc/stock"
	"ddc/transport/hub"
)

// attached is a service on what its host calls it through.
type attached interface {
	// serve answers calls until the host is done. No handler runs any more when
	// it returns.
	serve(ctx context.Context) error
	// PeerDied ends serve, since the host's process has ended.
	PeerDied(cause error)
	// describe writes what is under way.
	describe(w io.Writer)
	Close() error
}

func (i *inheritance) attach(s Service, other *own, o rpc.ServerOptions) (attached, error) {
	if i.GRPC {
		server := stock.NewServer(other.host.within(o))
		other.register(s, server)
		return &onSocket{server, s, i.files[0]}, nil
	}
	link, err := hub.Attach(i.Hub, i.files, i.strategy, i.Spin)
	if err != nil {
		return nil, err
	}
	return &onHub{link, newServer(s, other, o)}, nil
}

// onHub is a service on a link of a hub.
type onHub struct {
	*hub.Link
	server *Server
}

func (h *onHub) serve(ctx context.Context) error { return h.server.Serve(ctx, h.Link) }

func (h *onHub) describe(w io.Writer) {
	dump.Calls(w, h.server.rpc.Calls())
	text.Link(w, h.State())
}

// onSocket is a service that ordinary gRPC serves on a socket.
type onSocket struct {
	*stock.Server
	service Service
	socket  *os.File
}

func (s *onSocket) serve(ctx context.Context) error {
	return errors.Join(s.Serve(ctx, s.socket), closeService(s.service))
}

func (s *onSocket) describe(w io.Writer) { dump.Calls(w, s.Calls()) }

// Close does nothing: serve has closed the socket.
func (s *onSocket) Close() error { return nil }
