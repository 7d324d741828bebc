package site

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/subject"
)

// Event says that a plugin has begun, or ended, a piece of work.
type Event struct {
	Plugin string
	// Subject is what the work is about: a file, relative to the project, or a
	// URL.
	Subject string
	Done    bool
	// Elapsed is how long it took, once Done.
	Elapsed time.Duration
}

// call makes one call about a file, unless its answer is remembered. The error
// is as fault describes.
func call[Q, A any](ctx context.Context, b *build, plugin, file string,
	method func(context.Context, *Q, ...grpc.CallOption) (*A, error), in *Q) (*A, error) {
	request := any(in).(proto.Message)
	do := func(ctx context.Context) (*A, error) {
		release, err := take(ctx, b.slots)
		if err != nil {
			return nil, err
		}
		defer release()
		done, err := b.admit(ctx, plugin, file, request)
		if err != nil {
			return nil, err
		}
		defer done()
		begun := time.Now()
		b.report(Event{Plugin: plugin, Subject: file})
		out, err := method(subject.With(ctx, file), in)
		b.report(Event{Plugin: plugin, Subject: file, Done: true, Elapsed: time.Since(begun)})
		return out, err
	}
	var out *A
	var err error
	if key, ok := b.options.Answers.key(plugin, request); ok {
		out, err = remembered(ctx, b, key, do)
	} else {
		out, err = do(ctx)
	}
	if err != nil {
		return nil, fault(plugin, file, err) // each who asked is told of his own file
	}
	return out, nil
}

// streamAttempts is how often a call that sends a stream is made, if its plugin
// dies each time.
const streamAttempts = 3

// callStream makes one call that sends messages one by one, so that the plugin
// need not hold them all. Name says what a message is about. The answer is
// remembered as that of call is. If the plugin dies, all are sent again: only
// this side has them.
func callStream[Q, A any](ctx context.Context, b *build, plugin string,
	method func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[Q, A], error), messages []*Q, name func(i int) string) (*A, error) {
	do := func(ctx context.Context) (*A, error) {
		release, err := take(ctx, b.slots)
		if err != nil {
			return nil, err
		}
		defer release()
		begun := time.Now()
		b.report(Event{Plugin: plugin})
		defer func() { b.report(Event{Plugin: plugin, Done: true, Elapsed: time.Since(begun)}) }()
		for attempt := 1; ; attempt++ {
			out, err := sendAll(ctx, b, plugin, method, messages, name)
			if status.Code(err) != codes.Unavailable || attempt == streamAttempts || ctx.Err() != nil {
				return out, err
			}
			b.options.Log.Warn("plugin is started again, and all is sent again", "plugin", plugin, "attempt", attempt, "cause", err)
		}
	}
	var out *A
	var err error
	if key, ok := streamKey(b.options.Answers, plugin, messages); ok {
		out, err = remembered(ctx, b, key, do)
	} else {
		out, err = do(ctx)
	}
	if err != nil {
		return nil, fault(plugin, "", err)
	}
	return out, nil
}

// sendAll makes the call once.
func sendAll[Q, A any](ctx context.Context, b *build, plugin string,
	method func(context.Context, ...grpc.CallOption) (grpc.ClientStreamingClient[Q, A], error), messages []*Q, name func(i int) string) (*A, error) {
	ctx, cancel := context.WithCancel(ctx) // which ends the stream, if it is left early
	defer cancel()
	stream, err := method(ctx)
	if err != nil {
		return nil, err
	}
	for i, one := range messages {
		done, err := b.admit(ctx, plugin, name(i), any(one).(proto.Message))
		if err != nil {
			return nil, err
		}
		err = stream.Send(one)
		done()
		if errors.Is(err, io.EOF) {
			break // the call has ended, and receiving says how
		}
		if err != nil {
			return nil, err
		}
	}
	return stream.CloseAndRecv()
}

// take waits for one of a channel's places, and returns a function that gives
// it back. The holder of a place waits for nobody who needs one: it makes a
// call, or fills in a template, whose calls have places of another kind.
func take(ctx context.Context, places chan struct{}) (release func(), err error) {
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release = func() { <-places }
	if ctx.Err() != nil { // select takes either of two that are ready
		release()
		return nil, ctx.Err()
	}
	return release, nil
}

func (b *build) report(e Event) {
	if !e.Done {
		b.mu.Lock()
		b.calls[e.Plugin]++
		b.mu.Unlock()
	}
	if b.options.Progress == nil {
		return
	}
	b.progress.Lock()
	defer b.progress.Unlock()
	b.options.Progress(e)
}
