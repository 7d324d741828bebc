package serve

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"ddc/site"
	"ddc/site/config"
)

// Memory has what is known of a project from one process to the next.
type Memory interface {
	// Open lets a site begin with what is known of it, and keep what it knows.
	// The caller calls closed once the site is closed.
	Open(ctx context.Context, cfg *config.Config, o *site.Options) (closed func())
	// Kept is told that the site has kept what it knows.
	Kept(ctx context.Context) error
}

const (
	// keepAfter is how long nothing must have been asked for before what is
	// known is kept: a server that is killed loses what it has done since.
	keepAfter = 5 * time.Second
	// keepLast bounds the same when the server ends, in time that processors
	// work for it: a busy machine takes longer, and keeps as much. A large
	// site loses more, but only what was made since the server last kept it.
	keepLast = 150 * time.Millisecond
	// keepWait bounds it on a disk that does not answer.
	keepWait = 10 * time.Second
)

// errLong is why the last keep was given up.
var errLong = errors.New("it takes too long")

// worked notes that there may be something to keep.
func (s *Server) worked() {
	select {
	case s.working <- struct{}{}:
	default:
	}
}

// keep keeps what is known whenever there was work and is none any more, and at
// the end. It waits for work without a timer, so that an idle server has none.
func (s *Server) keep(ctx context.Context) {
	timer := time.NewTimer(keepAfter)
	timer.Stop() // until there is work
	defer timer.Stop()
	for waits := false; ; {
		var quiet <-chan time.Time
		if waits {
			quiet = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-s.working:
			waits = true
			timer.Reset(keepAfter)
		case <-quiet:
			waits = false
			if done, err := s.site.Keep(ctx, false); err != nil {
				s.Log.Warn("what was made is not kept yet", "cause", err)
			} else if !done {
				s.worked() // somebody asks, so that there will be more
			}
		}
	}
}

// keepLastly keeps what is known when nobody asks any more.
func (s *Server) keepLastly() {
	ctx, cancel := context.WithTimeout(context.Background(), keepWait)
	defer cancel()
	ctx, end := whileWorking(ctx, keepLast)
	defer end()
	if _, err := s.site.Keep(ctx, true); err != nil {
		s.Log.Warn("what was made is not kept for the next time", "cause", err)
	}
}

// whileWorking gives a context that ends, with errLong, once processors have
// worked for this process for some time more. The caller calls end.
func whileWorking(ctx context.Context, most time.Duration) (_ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	begun := processorTime()
	var looking sync.WaitGroup
	looking.Go(func() {
		ticker := time.NewTicker(most / 30)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if processorTime()-begun > most {
					cancel(errLong)
				}
			}
		}
	})
	return ctx, func() {
		cancel(nil)
		looking.Wait()
	}
}

// processorTime is how long processors have worked for this process.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
