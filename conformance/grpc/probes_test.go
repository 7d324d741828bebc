package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// notes are what a probe saw at either end, in order.
type notes struct {
	mu             sync.Mutex
	client, server []string
}

func (n *notes) see(what ...any)   { n.note(&n.client, what) }
func (n *notes) serve(what ...any) { n.note(&n.server, what) }

func (n *notes) note(where *[]string, what []any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*where = append(*where, strings.TrimSuffix(fmt.Sprintln(what...), "\n"))
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append(append(n.client, "the server:"), n.server...)
}

// probe is something to do to a connection. What it sees must be what it sees
// over grpc-go.
type probe func(n *notes) (setup, func(t *testing.T, e *ends))

func TestProbesSeeWhatTheySeeOverGRPC(t *testing.T) {
	for name, p := range probes {
		t.Run(name, func(t *testing.T) {
			var want []string
			for i, c := range carriers() {
				t.Run(c.name, func(t *testing.T) {
					n := &notes{}
					s, run := p(n)
					e := c.open(t, s)
					run(t, e)
					_ = e.close()
					e.server.Stop() // no handler says anything any more
					if i == 0 {
						want = n.all()
						t.Log(strings.Join(want, "\n"))
					}
					assert.Equal(t, want, n.all())
				})
			}
		})
	}
}

var probes = map[string]probe{
	"malformed methods": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{}, func(t *testing.T, e *ends) {
			for _, method := range []string{"noslash", "/", "//", "/a", "/ddc.rpctest.Test/", "/ddc.rpctest.Test", "ddc.rpctest.Test/Echo", "/ddc.rpctest.Test/Echo/x", "/x/ddc.rpctest.Test/Echo", "/ddc.rpctest.Test/echo", ""} {
				n.see(method, outcome(e.Invoke(t.Context(), method, &packet{}, &packet{})))
				if stream, err := e.NewStream(t.Context(), anyStream, method); err != nil {
					n.see("stream", outcome(err))
				} else {
					n.see("stream", outcome(stream.RecvMsg(&packet{})))
				}
			}
			n.see(outcome(e.Invoke(t.Context(), echoMethod, &packet{}, &packet{})), "afterwards")
		}
	},
	"a method of a long name": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{}, func(t *testing.T, e *ends) {
			n.see(outcome(e.Invoke(t.Context(), "/s/"+strings.Repeat("m", 100_000), &packet{}, &packet{})))
			if e.ours { // a socket's connection ends of it
				assertCode(t, codes.Internal, e.Invoke(t.Context(), "/s/"+strings.Repeat("m", 20<<20), &packet{}, &packet{}))
			}
			n.see(outcome(e.Invoke(t.Context(), echoMethod, &packet{}, &packet{})), "afterwards")
		}
	},
	"the method's name": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{service: &service{
				echo: func(ctx context.Context, in *packet) (*packet, error) {
					n.serve(grpc.Method(ctx))
					n.serve(grpc.ServerTransportStreamFromContext(ctx).Method())
					return in, nil
				},
				chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
					n.serve(grpc.MethodFromServerStream(stream))
					return nil
				},
			}}, func(t *testing.T, e *ends) {
				_, err := e.client.Echo(t.Context(), &packet{})
				n.see(outcome(err))
				stream, err := e.client.Chat(t.Context())
				n.see(outcome(err))
				_, err = stream.Recv()
				n.see(outcome(err))
			}
	},
	"limits to the byte": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{maxMessage: 2000}, func(t *testing.T, e *ends) {
			for _, size := range []int{0, 3, 999, 1000, 1001, 1999, 2000, 2001} {
				for _, o := range []grpc.CallOption{grpc.MaxCallSendMsgSize(1000), grpc.MaxCallRecvMsgSize(1000), grpc.MaxCallRecvMsgSize(0), grpc.MaxCallSendMsgSize(0), grpc.EmptyCallOption{}} {
					_, err := e.client.Echo(t.Context(), filled(size, 0), o)
					n.see(size, outcome(err))
				}
			}
			_, err := e.client.Echo(t.Context(), filled(1001, 0), grpc.MaxCallSendMsgSize(1000), grpc.MaxCallSendMsgSize(1001))
			n.see("the last counts", outcome(err))
		}
	},
	"deadlines": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
				deadline, ok := ctx.Deadline()
				n.serve(ok, math.Round(time.Until(deadline).Minutes()/10))
				return in, nil
			}}}, func(t *testing.T, e *ends) {
				for _, d := range []time.Duration{0, time.Hour, 20 * time.Hour, 20000 * time.Hour, -time.Hour} {
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if d != 0 {
						ctx, cancel = context.WithTimeout(ctx, d)
					}
					_, err := e.client.Echo(ctx, &packet{})
					cancel()
					n.see(d, outcome(err))
				}
			}
	},
	"typed nil, wrong types, text that is no UTF-8": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{service: &service{
				echo: func(_ context.Context, in *packet) (*packet, error) {
					switch in.GetText() {
					case "nil":
						return nil, nil
					case "broken":
						return &packet{Text: "\xff"}, nil
					}
					return in, nil
				},
				chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
					if _, err := stream.Recv(); err != nil {
						return err
					}
					n.serve("server", outcome(stream.Send(&packet{Text: "\xff"})))
					return nil
				},
			}}, func(t *testing.T, e *ends) {
				got, err := e.client.Echo(t.Context(), &packet{Text: "nil"})
				n.see(got.GetText(), outcome(err))
				_, err = e.client.Echo(t.Context(), &packet{Text: "broken"})
				n.see(outcome(err))
				_, err = e.client.Echo(t.Context(), &packet{Text: "\xff"})
				n.see(outcome(err))
				n.see(outcome(e.Invoke(t.Context(), echoMethod, &packet{}, nil)))
				n.see(outcome(e.Invoke(t.Context(), echoMethod, 5, &packet{})))
				stream, err := e.client.Chat(t.Context())
				n.see(outcome(err), outcome(stream.Send(&packet{})))
				_, err = stream.Recv()
				n.see(outcome(err))
				stream, err = e.client.Chat(t.Context())
				n.see(outcome(err))
				n.see(outcome(stream.Send(&packet{Text: "\xff"})))
				_, err = stream.Recv()
				n.see(outcome(err))
			}
	},
	"options of calls that fail at once": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{}, func(t *testing.T, e *ends) {
			over, cancel := context.WithCancel(t.Context())
			cancel()
			for _, c := range []struct {
				ctx context.Context
				o   grpc.CallOption
			}{{over, grpc.EmptyCallOption{}}, {t.Context(), grpc.UseCompressor("no such")}, {t.Context(), grpc.MaxCallSendMsgSize(1)}} {
				header, trailer, from := metadata.Pairs("before", "1"), metadata.Pairs("before", "1"), peer.Peer{}
				finished := 0
				_, err := e.client.Echo(c.ctx, &packet{Text: "x"}, c.o, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from), grpc.OnFinish(func(error) { finished++ }))
				n.see(outcome(err), finished, header, trailer, from.Addr != nil)
				_, err = e.client.Chat(c.ctx, c.o, grpc.OnFinish(func(error) { finished++ }))
				n.see(outcome(err), finished)
			}
		}
	},
	"finishers in order": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{}, func(t *testing.T, e *ends) {
			var header metadata.MD
			_, err := e.client.Echo(t.Context(), &packet{}, grpc.OnFinish(func(err error) { n.see("first", outcome(err), header != nil) }), grpc.Header(&header), grpc.OnFinish(func(err error) { n.see("second", outcome(err), header != nil) }))
			n.see(outcome(err))
		}
	},
	"compression": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{}, func(t *testing.T, e *ends) {
			got, err := e.client.Echo(t.Context(), &packet{Text: strings.Repeat("x", 5000)}, grpc.UseCompressor("gzip"))
			n.see(len(got.GetText()), outcome(err))
			stream, err := e.client.Chat(t.Context(), grpc.UseCompressor("gzip"))
			n.see(outcome(err))
			if err == nil {
				n.see(outcome(stream.Send(&packet{Text: "x"})))
				got, err = stream.Recv()
				n.see(got.GetText(), outcome(err))
			}
		}
	},
	"a handler of unknown services": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{unknown: func(srv any, stream grpc.ServerStream) error {
				method, _ := grpc.MethodFromServerStream(stream)
				n.serve(srv, method)
				got := &packet{}
				if err := stream.RecvMsg(got); err != nil {
					return err
				}
				got.Text += "!"
				return stream.SendMsg(got)
			}, stream: []grpc.StreamServerInterceptor{func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
				n.serve(*info)
				return handler(srv, stream)
			}}}, func(t *testing.T, e *ends) {
				for _, method := range []string{"/no.such.Service/Method", "/ddc.rpctest.Test/Nope", "/ddc.rpctest.Test/Echo"} {
					got := &packet{}
					n.see(outcome(e.Invoke(t.Context(), method, &packet{Text: "x"}, got)), got.GetText())
					stream, err := e.NewStream(t.Context(), anyStream, method)
					n.see(outcome(err), outcome(stream.SendMsg(&packet{Text: "x"})), outcome(stream.CloseSend()))
					n.see(outcome(stream.RecvMsg(got)), got.GetText())
					n.see(outcome(stream.RecvMsg(got)))
				}
				for _, method := range []string{"noslash", "/noservice", "//nomethod", "/", "//"} {
					n.see(method, outcome(e.Invoke(t.Context(), method, &packet{}, &packet{})))
				}
			}
	},
	"metadata's order": func(n *notes) (setup, func(*testing.T, *ends)) {
		return setup{service: &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
				md, ok := metadata.FromIncomingContext(ctx)
				n.serve(ok, md["k"], md["upper"], len(md["empty"]), metadata.ValueFromIncomingContext(ctx, "K"))
				n.serve(md["grpc-tags-bin"])
				for i := range 3 {
					if err := errors.Join(grpc.SetHeader(ctx, metadata.Pairs("h", fmt.Sprint(i))), grpc.SetTrailer(ctx, metadata.Pairs("t", fmt.Sprint(i)))); err != nil {
						return nil, err
					}
				}
				return in, grpc.SendHeader(ctx, metadata.Pairs("h", "last"))
			}}}, func(t *testing.T, e *ends) {
				ctx := metadata.NewOutgoingContext(t.Context(), metadata.Pairs("k", "1", "k", "2"))
				ctx = metadata.AppendToOutgoingContext(ctx, "K", "3", "Upper", "x", "k", "1", "grpc-tags-bin", "tags")
				var header, trailer metadata.MD
				_, err := e.client.Echo(ctx, &packet{}, grpc.Header(&header), grpc.Trailer(&trailer))
				n.see(outcome(err), header["h"], trailer["t"])
				_, err = e.client.Echo(t.Context(), &packet{}, grpc.Header(&header), grpc.Trailer(&trailer))
				n.see(outcome(err), header["h"], trailer["t"])
			}
	},
}

func init() {
	probes["interceptors"] = interceptorsProbe
	probes["contexts after the end"] = contextsProbe
	probes["the connection goes"] = closedProbe
	probes["the server goes"] = stoppedProbe
	probes["a context that a handler gives on"] = nestedProbe
	probes["credentials"] = credentialsProbe
	probes["floods"] = floodProbe
	probes["receivers at once"] = atOnceProbe
}
