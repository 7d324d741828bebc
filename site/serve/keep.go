package serve

import (
	"context"
	"time"

	"ddc/site"
	"ddc/site/config"
)

// Memory has what is known of a project from one process to the next.
type Memory interface {
	// Open lets a site begin with what is known of it, and keep what it knows. The
	// caller calls closed once the site is closed.
	Open(ctx context.Context, cfg *config.Config, o *site.Options) (closed func())
	// Kept is told that the site has kept what it knows.
	Kept(ctx context.Context) error
}

const (
	// keepAfter is how long nothing must have been asked for before what is known is
	// kept: a server that is killed loses what it has done since.
	keepAfter = 5 * time.Second
	// keepLast bounds the same when the server ends.
	keepLast = 10 * time.Second
)

// worked notes that there may be something to keep.
func (s *Server) worked() {
	select {
	case s.working <- struct{}{}:
	default:
	}
}

// keep keeps what is known whenever there was work and is none any more, and at the
// end. It waits for work without a timer, so that an idle server has none.
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
	ctx, cancel := context.WithTimeout(context.Background(), keepLast)
	defer cancel()
	if _, err := s.site.Keep(ctx, true); err != nil {
		s.Log.Warn("what was made is not kept for the next time", "cause", err)
	}
}
