package peer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/conformance/peer/peerpb"
)

// streams has streams of all three kinds at once.
func streams(ctx context.Context, a *arena) error {
	g, grouped := errgroup.WithContext(ctx)
	for i := range 8 {
		g.Go(func() error { return a.chat(grouped, a.parts(200), byte(i)) })
		g.Go(func() error { return a.collect(grouped, a.parts(200)) })
		g.Go(func() error { return a.count(grouped, a.parts(200)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// A stream's error comes after the messages before it.
	s, err := a.client.Chat(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Send(&peerpb.Work{Body: body(10, 0)}), s.Send(&peerpb.Work{Code: uint32(codes.Aborted), Body: []byte("enough")})); err != nil {
		return err
	}
	if _, err := s.Recv(); err != nil {
		return fmt.Errorf("the answer before a stream's error: %w", err)
	}
	if _, err := s.Recv(); status.Code(err) != codes.Aborted || status.Convert(err).Message() != "enough" {
		return fmt.Errorf("a stream that ends with an error: %w", orNone(err))
	}
	return nil
}

// length of a stream's messages: some are larger than its window.
func length(i int) int {
	if i%30 == 29 {
		return 1<<20 + 1<<19
	}
	return []int{0, 10, 48, 100, 1 << 10, 5000, 70 << 10, 3}[i%8]
}

// chat sends without waiting for the answers, and reads meanwhile.
func (a *arena) chat(ctx context.Context, n int, seed byte) error {
	s, err := a.client.Chat(ctx)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error {
		for i := range n {
			if err := s.Send(&peerpb.Work{Body: body(length(i), seed+byte(i))}); err != nil {
				return fmt.Errorf("send message %d: %w", i, err)
			}
		}
		return s.CloseSend()
	})
	g.Go(func() error {
		for i := range n {
			got, err := s.Recv()
			if err != nil {
				return fmt.Errorf("receive answer %d of %d: %w", i, n, err)
			}
			if err := same(got.Body, inverted(body(length(i), seed+byte(i)))); err != nil {
				return fmt.Errorf("answer %d: %w", i, err)
			}
		}
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("after the last answer: %w", orNone(err))
		}
		return nil
	})
	return g.Wait()
}

func (a *arena) collect(ctx context.Context, n int) error {
	s, err := a.client.Collect(ctx)
	if err != nil {
		return err
	}
	total := 0
	for i := range n {
		total += length(i)
		if err := s.Send(&peerpb.Work{Body: body(length(i), 0)}); err != nil {
			return fmt.Errorf("send message %d: %w", i, err)
		}
	}
	got, err := s.CloseAndRecv()
	if err != nil {
		return fmt.Errorf("the answer to %d messages: %w", n, err)
	}
	if got.Number != uint64(total) {
		return fmt.Errorf("of %d bytes in %d messages %d came", total, n, got.Number)
	}
	return nil
}

func (a *arena) count(ctx context.Context, n int) error {
	sent := body(9000, 5)
	s, err := a.client.Count(ctx, &peerpb.Work{Body: sent, Number: uint64(n)})
	if err != nil {
		return err
	}
	for i := range n {
		got, err := s.Recv()
		if err != nil {
			return fmt.Errorf("answer %d of %d: %w", i, n, err)
		}
		if err := same(got.Body, inverted(sent)); err != nil {
			return err
		}
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the last answer: %w", orNone(err))
	}
	return nil
}

// credit leaves streams unread, in both directions, and makes calls meanwhile.
// A program that sends more than its credit has its stream ended; one that
// stops receiving while it cannot send answers no calls.
func credit(ctx context.Context, a *arena) error {
	const unread = 4
	var open []func(context.Context) error
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	for range unread {
		s, err := a.client.Count(within, &peerpb.Work{Body: body(20<<10, 1), Number: 400})
		if err != nil {
			return err
		}
		open = append(open, func(context.Context) error {
			for i := range 400 {
				if _, err := s.Recv(); err != nil {
					return fmt.Errorf("message %d of a stream that was left unread: %w", i, err)
				}
			}
			return nil
		})
	}
	abandoned, err := a.client.Count(within, &peerpb.Work{Body: body(20<<10, 1), Number: 1 << 40})
	if err != nil {
		return err
	}
	for i := range a.parts(1000) {
		if err := a.echo(ctx, boundaries[i%18], byte(i)); err != nil {
			return err
		}
	}
	for _, read := range open {
		if err := read(ctx); err != nil {
			return err
		}
	}
	if _, err := abandoned.Recv(); err != nil {
		return fmt.Errorf("the first message of a stream that was left unread: %w", err)
	}
	cancel() // and with it the one that never ends
	return a.echo(ctx, 10, 0)
}
