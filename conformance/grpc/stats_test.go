package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
)

// recorder notes what it is told of the last call that began, and of
// connections. A call before it may have ends that come late.
type recorder struct {
	mu     sync.Mutex
	last   int // call
	events []string
	conns  []string
}

type tagKey struct{}

// tagOfCall is what the context of a call has.
type tagOfCall struct {
	call   int
	method string
}

func (r *recorder) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.events = nil
	return context.WithValue(ctx, tagKey{}, tagOfCall{r.last, info.FullMethodName})
}

func (r *recorder) HandleRPC(ctx context.Context, s stats.RPCStats) {
	of, _ := ctx.Value(tagKey{}).(tagOfCall)
	event := strings.TrimPrefix(fmt.Sprintf("%T", s), "*stats.")
	switch s := s.(type) {
	case *stats.Begin:
		event += fmt.Sprintf(" %t %t", s.IsClientStream, s.IsServerStream)
	case *stats.OutPayload:
		event += fmt.Sprintf(" %d", s.Length)
	case *stats.InPayload:
		event += fmt.Sprintf(" %d", s.Length)
	case *stats.OutHeader:
		event += present(s.Header)
	case *stats.InHeader:
		event += present(s.Header)
	case *stats.InTrailer:
		event += present(s.Trailer)
	case *stats.OutTrailer:
		event += present(s.Trailer)
	case *stats.End:
		event += " " + status.Code(s.Error).String()
		if s.EndTime.Before(s.BeginTime) {
			event += " before it began"
		}
	case *stats.DelayedPickComplete:
		return // there is nothing to pick
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if of.call > 0 && of.call < r.last {
		return
	}
	if of.method == "" {
		event += " of no method"
	}
	r.events = append(r.events, event)
}

// present says whether md has the test's own key.
func present(md metadata.MD) string {
	if len(md["own"]) > 0 {
		return " own"
	}
	return ""
}

func (r *recorder) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	if info.RemoteAddr == nil || info.LocalAddr == nil {
		r.conn("no address")
	}
	return ctx
}

func (r *recorder) HandleConn(_ context.Context, s stats.ConnStats) {
	r.conn(strings.TrimPrefix(fmt.Sprintf("%T %t", s, s.IsClient()), "*stats."))
}

func (r *recorder) conn(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, event)
}

// take gives what has been noted of the last call, once an end is among it.
// grpc-go tells of a trailer when it arrives, which may be before what came
// first is read.
func (r *recorder) take(t *testing.T, whose string) []string {
	t.Helper()
	var events []string
	await.Until(t, "the end of a call at the "+whose+"'s", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.ContainsFunc(r.events, isEnd) {
			return false
		}
		events, r.events = r.events, nil
		return true
	}, func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return fmt.Sprint(r.events)
	})
	if at := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "InTrailer") }); at >= 0 {
		trailer := events[at]
		events = slices.Delete(events, at, at+1)
		events = slices.Insert(events, slices.IndexFunc(events, isEnd), trailer)
	}
	return events
}

func isEnd(event string) bool { return strings.HasPrefix(event, "End") }

// watched answers with metadata of its own, or fails where it is asked to.
func watched() *service {
	return &service{
		echo: func(ctx context.Context, in *packet) (*packet, error) {
			if in.GetText() == "fail" {
				return nil, status.Error(codes.Aborted, "asked for")
			}
			return in, errors.Join(grpc.SetHeader(ctx, metadata.Pairs("own", "x")), grpc.SetTrailer(ctx, metadata.Pairs("own", "x")))
		},
		count: func(in *packet, stream grpc.ServerStreamingServer[packet]) error {
			if in.GetText() == "header" {
				return stream.SendHeader(nil)
			}
			for i := range in.GetNumber() {
				if err := stream.Send(&packet{Number: i}); err != nil {
					return err
				}
			}
			if in.GetText() == "fail" {
				return status.Error(codes.Aborted, "asked for")
			}
			return nil
		},
		chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			for {
				in, err := stream.Recv()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if in.GetText() == "fail" {
					return status.Error(codes.Aborted, "asked for")
				}
				if err := stream.Send(in); err != nil {
					return err
				}
			}
		},
	}
}

// The calls that stats handlers are told of.

func echoThree(t *testing.T, ctx context.Context, e *ends) {
	_, err := e.client.Echo(ctx, three())
	require.NoError(t, err)
}

func echoFails(t *testing.T, ctx context.Context, e *ends) {
	_, err := e.client.Echo(ctx, &packet{Text: "fail"})
	assertCode(t, codes.Aborted, err)
}

func countTwo(t *testing.T, ctx context.Context, e *ends) {
	stream, err := e.client.Count(ctx, &packet{Number: 2})
	require.NoError(t, err)
	for err == nil {
		_, err = stream.Recv()
	}
	require.ErrorIs(t, err, io.EOF)
}

func sumOfTwo(t *testing.T, ctx context.Context, e *ends) {
	sum, err := e.client.Sum(ctx)
	require.NoError(t, err)
	require.NoError(t, sum.Send(three()))
	require.NoError(t, sum.Send(three()))
	_, err = sum.CloseAndRecv()
	require.NoError(t, err)
}

func chatFails(t *testing.T, ctx context.Context, e *ends) {
	chat, err := e.client.Chat(ctx)
	require.NoError(t, err)
	require.NoError(t, chat.Send(three()))
	_, err = chat.Recv()
	require.NoError(t, err)
	require.NoError(t, chat.Send(&packet{Text: "fail"}))
	_, err = chat.Recv()
	assertCode(t, codes.Aborted, err)
}

func countedAsUnary(number int64, text string, code codes.Code) func(*testing.T, context.Context, *ends) {
	return func(t *testing.T, ctx context.Context, e *ends) {
		assertCode(t, code, e.Invoke(ctx, countMethod, &packet{Number: number, Text: text}, &packet{}))
	}
}

// three is a message of three bytes.
func three() *packet { return &packet{Text: "x"} }

func TestStatsHandlersHearOfEveryCallAtBothEnds(t *testing.T) {
	client, srv := &recorder{}, &recorder{}
	s := setup{clientStats: client, serverStats: srv, service: watched()}
	overEach(t, s, func(t *testing.T, e *ends) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "own", "x")
		for _, c := range []struct {
			what           string
			call           func(*testing.T, context.Context, *ends)
			client, server []string
		}{
			{"a unary call", echoThree,
				[]string{"Begin false false", "OutHeader own", "OutPayload 3", "InHeader own", "InPayload 3", "InTrailer own", "End OK"},
				[]string{"InHeader own", "Begin false false", "InPayload 3", "OutHeader own", "OutPayload 3", "OutTrailer own", "End OK"}},
			{"a unary call that fails", echoFails,
				[]string{"Begin false false", "OutHeader own", "OutPayload 6", "InTrailer", "End Aborted"},
				[]string{"InHeader own", "Begin false false", "InPayload 6", "OutTrailer", "End Aborted"}},
			{"a server's stream", countTwo,
				[]string{"Begin false true", "OutHeader own", "OutPayload 2", "InHeader", "InPayload 0", "InPayload 2", "InTrailer", "End OK"},
				[]string{"InHeader own", "Begin false true", "InPayload 2", "OutHeader", "OutPayload 0", "OutPayload 2", "OutTrailer", "End OK"}},
			{"a client's stream", sumOfTwo,
				[]string{"Begin true false", "OutHeader own", "OutPayload 3", "OutPayload 3", "InHeader", "InPayload 0", "InTrailer", "End OK"},
				[]string{"InHeader own", "Begin true false", "InPayload 3", "InPayload 3", "OutHeader", "OutPayload 0", "OutTrailer", "End OK"}},
			{"a chat that fails", chatFails,
				[]string{"Begin true true", "OutHeader own", "OutPayload 3", "InHeader", "InPayload 3", "OutPayload 6", "InTrailer", "End Aborted"},
				[]string{"InHeader own", "Begin true true", "InPayload 3", "OutHeader", "OutPayload 3", "InPayload 6", "OutTrailer", "End Aborted"}},
			{"a server's stream as a unary call", countedAsUnary(1, "", codes.OK),
				[]string{"Begin false false", "OutHeader own", "OutPayload 2", "InHeader", "InPayload 0", "InTrailer", "End OK"},
				[]string{"InHeader own", "Begin false true", "InPayload 2", "OutHeader", "OutPayload 0", "OutTrailer", "End OK"}},
			{"one that fails after its answer", countedAsUnary(1, "fail", codes.Aborted),
				[]string{"Begin false false", "OutHeader own", "OutPayload 8", "InHeader", "InPayload 0", "InTrailer", "End Aborted"},
				[]string{"InHeader own", "Begin false true", "InPayload 8", "OutHeader", "OutPayload 0", "OutTrailer", "End Aborted"}},
			{"one that sends an empty header alone", countedAsUnary(0, "header", codes.Internal),
				[]string{"Begin false false", "OutHeader own", "OutPayload 8", "InHeader", "InTrailer", "End Internal"},
				[]string{"InHeader own", "Begin false true", "InPayload 8", "OutHeader", "OutTrailer", "End OK"}},
			{"one that fails without one", countedAsUnary(0, "fail", codes.Aborted),
				[]string{"Begin false false", "OutHeader own", "OutPayload 6", "InTrailer", "End Aborted"},
				[]string{"InHeader own", "Begin false true", "InPayload 6", "OutTrailer", "End Aborted"}},
		} {
			c.call(t, ctx, e)
			assert.Equal(t, directions(c.client), directions(client.take(t, "client")), c.what)
			assert.Equal(t, directions(c.server), directions(srv.take(t, "server")), c.what)
		}

		e.server.Stop()
		_ = e.close()
		await.Until(t, "the connection's end to be told", func() bool { return client.ended() && srv.ended() })
		assert.Equal(t, []string{"ConnBegin true", "ConnEnd true"}, client.conns)
		assert.Equal(t, []string{"ConnBegin false", "ConnEnd false"}, srv.conns)
		client.reset()
		srv.reset()
	})
}

// directions gives the events of a call that tell of what went out, and those
// that tell of what came in, each in its order, with Begin and End in both. The
// order between the two is nobody's promise: a message that went out is told
// after it was written, when the answer to it may be in.
func directions(events []string) (both struct{ out, in []string }) {
	for _, e := range events {
		if !strings.HasPrefix(e, "In") {
			both.out = append(both.out, e)
		}
		if !strings.HasPrefix(e, "Out") {
			both.in = append(both.in, e)
		}
	}
	return both
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.conns = nil, nil
}

func (r *recorder) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.conns, func(s string) bool { return strings.HasPrefix(s, "ConnEnd") })
}
