package peer

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/conformance/peer/peerpb"
	"ddc/plugin"
)

// Service is the service in Go, for a program that is known to be sound.
func Service() plugin.Service {
	return plugin.Func(func(r grpc.ServiceRegistrar) { peerpb.RegisterPeerServer(r, service{}) })
}

type service struct {
	peerpb.UnimplementedPeerServer
}

// exitDied is the status of a program that was asked to die.
const exitDied = 3

// answer does what a message asks for.
func answer(ctx context.Context, w *peerpb.Work) (*peerpb.Work, error) {
	if w.Die {
		os.Exit(exitDied)
	}
	if w.Hold > 0 {
		timer := time.NewTimer(time.Duration(w.Hold) * time.Microsecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	if w.Code != 0 {
		return nil, status.Error(codes.Code(w.Code), string(w.Body))
	}
	return &peerpb.Work{Body: inverted(w.Body)}, nil
}

func inverted(body []byte) []byte {
	out := make([]byte, len(body))
	for i, b := range body {
		out[i] = ^b
	}
	return out
}

func (service) Echo(ctx context.Context, w *peerpb.Work) (*peerpb.Work, error) {
	return answer(ctx, w)
}

func (service) Chat(s grpc.BidiStreamingServer[peerpb.Work, peerpb.Work]) error {
	for {
		w, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		a, err := answer(s.Context(), w)
		if err != nil {
			return err
		}
		if err := s.Send(a); err != nil {
			return err
		}
	}
}

func (service) Collect(s grpc.ClientStreamingServer[peerpb.Work, peerpb.Work]) error {
	total := uint64(0)
	for {
		w, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return s.SendAndClose(&peerpb.Work{Number: total})
		}
		if err != nil {
			return err
		}
		total += uint64(len(w.Body))
	}
}

func (service) Count(w *peerpb.Work, s grpc.ServerStreamingServer[peerpb.Work]) error {
	for range w.Number {
		a, err := answer(s.Context(), w)
		if err != nil {
			return err
		}
		if err := s.Send(a); err != nil {
			return err
		}
	}
	return nil
}
