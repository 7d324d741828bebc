package peer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	ossignal "os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"ddc/conformance/peer/peerpb"
	"ddc/plugin"
)

// faultVariable names the fault of a program that this binary is.
const faultVariable = "DDC_PEER_FAULT"

// faults are programs that are wrong, each with the trial that must find it.
var faults = []struct {
	name, trial string
	alter       func(*faulty)
	outside     func() // what the process does beside
}{
	{name: "CutsShort", trial: "Sizes", alter: func(f *faulty) {
		f.answer = func(w *peerpb.Work) { w.Body = w.Body[:min(len(w.Body), 1<<20)] }
	}},
	{name: "MixesUpCallers", trial: "Callers", alter: func(f *faulty) {
		kept := make(chan *peerpb.Work, 1)
		f.answer = func(w *peerpb.Work) {
			select {
			case other := <-kept:
				w.Body = other.Body
			default:
				select {
				case kept <- &peerpb.Work{Body: w.Body}:
				default:
				}
			}
		}
	}},
	{name: "LosesStatusText", trial: "Statuses", alter: func(f *faulty) {
		f.request = func(w *peerpb.Work) {
			if w.Code != 0 {
				w.Body = nil
			}
		}
	}},
	{name: "HandlerGoesOn", trial: "Cancellation", alter: func(f *faulty) { f.deaf = true }},
	{name: "HandlerGoesOnAfterDeadline", trial: "Deadlines", alter: func(f *faulty) { f.deaf = true }},
	{name: "OneAtATime", trial: "Held", alter: func(f *faulty) {
		turn := make(chan struct{}, 1)
		f.request = func(*peerpb.Work) { turn <- struct{}{} }
		f.answer = func(*peerpb.Work) { <-turn }
	}},
	{name: "SwapsMessages", trial: "Streams", alter: func(f *faulty) { f.swaps = true }},
	{name: "SignalKills", trial: "Signal", outside: func() {
		all := make(chan os.Signal, 1)
		ossignal.Notify(all, syscall.SIGUSR1)
		go func() {
			<-all
			os.Exit(1)
		}()
	}},
	{name: "EndsWithStatus1", trial: "HostCloses", outside: func() {
		if err := plugin.Serve(context.Background(), Service()); err == nil {
			os.Exit(1)
		}
	}},
	{name: "KeepsPrograms", trial: "Programs", outside: func() {
		if err := os.Unsetenv("DDC_PLUGIN_PROGRAMS"); err != nil {
			os.Exit(1)
		}
	}},
	{name: "RefusesInSilence", trial: "Terms", outside: func() {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		if err := plugin.Serve(context.Background(), Service()); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}},
}

// faulty is the service with a fault.
type faulty struct {
	service
	request, answer func(*peerpb.Work)
	deaf, swaps     bool
}

func (f *faulty) Echo(ctx context.Context, w *peerpb.Work) (*peerpb.Work, error) {
	if f.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	if f.request != nil {
		f.request(w)
	}
	a, err := f.service.Echo(ctx, w)
	if err == nil && f.answer != nil {
		f.answer(a)
	}
	return a, err
}

func (f *faulty) Chat(s grpc.BidiStreamingServer[peerpb.Work, peerpb.Work]) error {
	if !f.swaps {
		return f.service.Chat(s)
	}
	for {
		var pair []*peerpb.Work
		for range 2 {
			w, err := s.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			pair = append([]*peerpb.Work{{Body: inverted(w.Body)}}, pair...)
		}
		for _, w := range pair {
			if err := s.Send(w); err != nil {
				return err
			}
		}
		if len(pair) < 2 {
			return nil
		}
	}
}

// serveFault serves as the faulty program of that name.
func serveFault(name string) {
	for _, f := range faults {
		if f.name != name {
			continue
		}
		if f.outside != nil {
			f.outside()
		}
		served := &faulty{}
		if f.alter != nil {
			f.alter(served)
		}
		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { peerpb.RegisterPeerServer(r, served) }))
	}
}

// A suite that finds nothing wrong with a wrong program is no suite. When a
// program dies of a signal is up to the kernel, which may let it end the trial
// first: a wrong program is judged until it is found.
func TestWrongProgramsAreFound(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	trials := map[string]Trial{}
	for _, trial := range Trials() {
		trials[trial.Name] = trial
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Setenv(faultVariable, f.name)
			trial, ok := trials[f.trial]
			require.True(t, ok, "there is no trial %s", f.trial)
			judged := func() error {
				// Where a handler goes on for an hour, what is left of it is
				// found by waiting.
				ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errors.New("3 s"))
				defer cancel()
				return trial.Run(ctx, Subject{Program: program, Wake: "futex", Rounds: 4})
			}
			err := judged()
			for end := time.Now().Add(time.Minute); err == nil && time.Now().Before(end); {
				err = judged()
			}
			assert.ErrorContains(t, err, trial.Rule)
		})
	}
}
