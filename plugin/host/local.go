package host

import (
	"context"
	"errors"
	"fmt"

	"ddc/plugin"
	"ddc/rpc"
	"ddc/transport"
)

// local is a plugin that runs in the host's own process, over any transport. It
// is the control group for hangs: no wake-up crosses a process.
type local struct {
	conn   *rpc.Conn
	link   transport.Link
	served chan error
}

func startLocal(t transport.Transport, name string, s plugin.Service, hostServes bool, o rpc.ConnOptions, so rpc.ServerOptions) (*local, error) {
	host, peer, err := t.Pair(name)
	if err != nil {
		return nil, err
	}
	server := plugin.NewServer(s, hostServes, so)
	l := &local{link: host, served: make(chan error, 1)}
	go func() {
		err := server.Serve(context.Background(), peer)
		l.served <- errors.Join(err, peer.Close())
	}()
	l.conn = rpc.NewConn(host, o)
	return l, nil
}

func (l *local) kill(error) {}

func (l *local) stop(ctx context.Context) error {
	err := l.conn.Close()
	select {
	case served := <-l.served:
		return errors.Join(err, served, l.link.Close())
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("a handler does not return: %w", ctx.Err()))
	}
}
