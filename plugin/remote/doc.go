// Package remote makes the calls of plugins that run on other machines, and
// serves them there. The link between the two is grpc-go, with its own
// resolver, health checks, retries and round_robin: we have no scheduler of our
// own.
//
//	conn, err := remote.Dial(ctx, "dns:///workers:7443", []string{"image"}, remote.Options{...})
//	picture, err := imagepb.NewImageClient(conn.Plugin("image")).Decode(ctx, ...)
//
//	server, err := remote.NewServer(remote.ServerOptions{...})
//	err = server.Serve(ctx, listener)
//
// The name may stand for any number of workers; a call goes to one of those
// that are healthy. If that one ends, the call is made again elsewhere, so
// calls must be safe to repeat. Only unary calls are made: a stream cannot be
// repeated.
//
// Both ends must be the same program, and drive the same tools. So it does not
// matter who answers. [Dial] compares, and each call says what it expects, in
// case another worker has come by then.
//
// Off this machine both ends must show a certificate ([TLS]). Without one, ends
// talk over loopback and unix sockets only.
package remote
