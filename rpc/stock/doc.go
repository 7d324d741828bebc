// Package stock carries the calls of a host and one plugin by ordinary gRPC,
// over one connected socket. No ring, no doorbell and no code of package rpc
// lies below the stubs, so it is a control group: a hang that is seen here too
// was never the hub's.
//
//	conn := stock.NewConn(ours, rpc.ConnOptions{}) // at the host
//	err := pb.NewShoutClient(conn).Shout(ctx, ...)
//
//	server := stock.NewServer(rpc.ServerOptions{}) // in the plugin
//	pb.RegisterShoutServer(server, shout{})
//	err := server.Serve(ctx, theirs)
//
// The two ends behave as those of package rpc where a host depends on it. A
// call whose connection has ended fails with Unavailable and wraps the errors
// of package transport, and an answer over its bound wraps [rpc.ErrExcess]. Two
// things differ. Bounds hold for the bytes of a message, not for its fields.
// And the socket's end does not say whether its peer closed it or died: see
// [Conn.PeerDied].
//
// It costs a system call and a copy at each end of each message, and the
// framing of HTTP/2: BenchmarkUnary.
package stock
