// Package serve shows a site while it is written: an HTTP server, whose pages
// change in the browser as their sources are saved.
//
//	server := serve.New(site, serve.Options{Hosts: hosts, Said: print})
//	err := server.Run(ctx, listeners...)
//
// What is served is what a build would write, byte for byte, but for one script
// that each page gets. The server makes nothing itself: it asks its Site, which
// makes what is asked for.
//
// # A change, from the save to the screen
//
//	watch    the kernel tells that something among the sources may have changed
//	settle   quiet for some milliseconds, or at most half a second in all
//	look     at what the kernel has named, or, if that may not be all, at all there
//	         is: what differs by content has changed; nothing: that is all
//	refresh  the site takes the changes in; requests wait for this
//	publish  every open page is told, and gets patches, or loads itself again; first
//	         those of a draft, where all pages are needed to know what it is
//	check    the other pages are made that are not as before, so that their faults
//	         are told too
//
// # What waits for what
//
// One goroutine (Run) does all of the above but publishing: each open page has
// a goroutine that compares what its browser shows with what there is now,
// whenever the revision goes up. So nothing queues for a slow browser: it skips
// revisions. A request that comes after a save waits until the save is taken
// in, but no longer than patience.
//
// Another (keep) keeps what is known, once nobody has asked for a while, and at
// the end: the next server begins with it.
//
// Without a change and without a browser nothing runs: no ticker, no timer. The
// exception is polling, where the kernel does not tell of changes.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"ddc/internal/activity"
	"ddc/internal/diagnostic"
	"ddc/internal/regular"
	"ddc/plugins/html_diff/html_diffpb"
	"ddc/site"
)

// Site makes what is served. Its methods may be called from many goroutines.
// See Project.
type Site interface {
	// Sources are what to watch, as the last Refresh has found.
	Sources() Sources
	// Prefix is the path that all addresses begin with, such as "/blog", or "".
	Prefix() string
	// Refresh takes in that sources may have changed, and names those whose
	// content has: those at paths, or, if anywhere is set, others too. The
	// error is diagnostic.Errors if the site can't be made at all until that is
	// mended: then all is as it was.
	Refresh(ctx context.Context, paths []string, anywhere bool) (changed []string, err error)
	// File makes one file, named by its path below the output folder. The error
	// is fs.ErrNotExist if there is none, and diagnostic.Errors if the site is
	// at fault.
	File(ctx context.Context, name string) (*site.File, error)
	// Draft is a page as it is likely to be, sooner than File may know it.
	// False is for none.
	Draft(ctx context.Context, name string) (text string, ok bool)
	// Routes are all pages.
	Routes(ctx context.Context) ([]site.Route, error)
	// Absent are those of some addresses at which there is no page.
	Absent(ctx context.Context, addresses []string) ([]string, error)
	// Check makes every page that may have changed since it was asked last, and
	// says what is wrong with any.
	Check(ctx context.Context) (*site.Checked, error)
	// Work counts all that was done so far.
	Work() Work
	// Keep keeps what is known for the next process. Until the last time it
	// does nothing while somebody asks, and done is false.
	Keep(ctx context.Context, last bool) (done bool, err error)
}

// Work counts pages that were made, and calls of plugins.
type Work struct{ Pages, Calls int }

// Options configure a server.
type Options struct {
	// Hosts are the names by which it may be asked, besides those of this
	// machine's loopback.
	Hosts []string
	// Differ finds the patches from one version of a page to the next.
	Differ html_diffpb.HtmlDiffClient
	// Poll looks for changes, rather than to rely on the kernel.
	Poll bool
	// Calls, if not nil, hears when plugins may have work, and when not.
	Calls *activity.Activity
	// Ready is called once requests are answered.
	Ready func()
	// Said is told of each change, one at a time, and of the site as it was at
	// first.
	Said func(Change)
	// Log gets what else there is to say.
	Log *slog.Logger
}

// Change is what a change of sources came to.
type Change struct {
	// Files are the names of the sources that have changed.
	Files []string
	Work  Work
	Took  time.Duration
	// Faults are those of the whole site. Warnings likewise.
	Faults, Warnings []diagnostic.Problem
	// Err is a failure of the machinery.
	Err error
}

// Server serves a site.
type Server struct {
	site Site
	Options
	pages   *history
	diffs   *diffs
	working chan struct{} // has room for one; see worked
	caught  chan struct{} // has room for one; see catchUp

	// mu guards what follows. changed is closed, and replaced, with each change
	// to any of it.
	mu       sync.Mutex
	changed  chan struct{}
	revision uint64             // goes up with each Refresh
	pending  bool               // a change is not taken in yet
	fault    error              // why the last Refresh was refused
	shows    map[*viewer]uint64 // the revision that each open page was told of
	told     map[string]bool    // what was said once
	// asking ends when a change is about to be taken in: who asks the site asks
	// again afterwards, so that the change need not wait for answers that are
	// old.
	asking  context.Context
	turning context.CancelCauseFunc
}

// New makes a server. It does nothing until Run.
func New(of Site, o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Said == nil {
		o.Said = func(Change) {}
	}
	if o.Ready == nil {
		o.Ready = func() {}
	}
	asking, turning := context.WithCancelCause(context.Background())
	return &Server{asking: asking, turning: turning, site: of, Options: o, pages: newHistory(), diffs: newDiffs(o.Differ), changed: make(chan struct{}), working: make(chan struct{}, 1),
		caught: make(chan struct{}, 1), pending: true, shows: map[*viewer]uint64{}, told: map[string]bool{}}
}

const (
	// patience bounds how long a request waits for changes to be taken in.
	patience = 10 * time.Second
	// headerTime bounds how long a client may take to say what it wants.
	headerTime = 10 * time.Second
)

// Run serves until ctx ends; then it leaves no goroutine and no connection. The
// error is of a listener that failed, or nil.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTime, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	var running sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		running.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("accept connections on %s: %w", l.Addr(), err)
				cancel()
			}
		})
	}
	running.Go(func() { s.follow(ctx) })
	running.Go(func() { s.keep(ctx) })
	<-ctx.Done()
	// Sockets are no matter of the HTTP server any more. They end with ctx.
	err := server.Close()
	running.Wait()
	s.pages.wait()
	s.keepLastly()
	select {
	case err := <-failed:
		return err
	default:
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the server: %w", err)
	}
	return nil
}

// state is how things stand.
type state struct {
	revision uint64
	pending  bool
	fault    error
	changed  <-chan struct{} // closed when this is old
	asking   context.Context
}

func (s *Server) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return state{s.revision, s.pending, s.fault, s.changed, s.asking}
}

// change changes the state, and tells everybody.
func (s *Server) change(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how()
	close(s.changed)
	s.changed = make(chan struct{})
}

// settled waits until all known changes are taken in, but no longer than
// patience.
func (s *Server) settled(ctx context.Context) state {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		now := s.state()
		if !now.pending {
			return now
		}
		select {
		case <-now.changed:
		case <-ctx.Done():
			return now
		}
	}
}

// sayOnce logs a sentence, unless it was logged before.
func (s *Server) sayOnce(sentence string) {
	s.mu.Lock()
	again := s.told[sentence]
	s.told[sentence] = true
	s.mu.Unlock()
	if !again {
		s.Log.Warn(sentence)
	}
}

// file makes a file, once all known changes are taken in.
func (s *Server) file(ctx context.Context, name string) (*site.File, error) {
	return ask(ctx, s, func(ctx context.Context) (*site.File, error) { return makeFile(ctx, s.site, name) })
}

// mostCopied is up to how many bytes of HTML that is copied as it is are read
// to be followed as a page is. What is larger is sent alone.
const mostCopied = 8 << 20

// makeFile makes a file. HTML that is copied as it is has its contents too.
func makeFile(ctx context.Context, of Site, name string) (*site.File, error) {
	f, err := of.File(ctx, name)
	if err != nil || f.Path == "" || !isPage(name) {
		return f, err
	}
	file, info, err := regular.OpenPath(f.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > mostCopied {
		return f, nil
	}
	whole := *f
	whole.Path = ""
	whole.Data, err = io.ReadAll(io.LimitReader(file, mostCopied))
	return &whole, err
}

// routes are all pages, likewise.
func (s *Server) routes(ctx context.Context) ([]site.Route, error) {
	return ask(ctx, s, s.site.Routes)
}

// ask asks the site, and asks again if a change came in between.
func ask[A any](ctx context.Context, s *Server, question func(context.Context) (A, error)) (answer A, err error) {
	s.Calls.Begin()
	defer s.Calls.End()
	defer s.worked()
	for {
		now := s.settled(ctx)
		switch {
		case now.revision == 0 && now.fault != nil:
			return answer, now.fault
		case now.revision == 0:
			return answer, errStarting
		}
		asking, end := context.WithCancel(ctx)
		stop := context.AfterFunc(now.asking, end)
		answer, err = question(asking)
		stop()
		end()
		if err == nil || ctx.Err() != nil || now.asking.Err() == nil {
			return answer, err
		}
	}
}

// turn has the site take changes in, while nobody asks it.
func (s *Server) turn(ctx context.Context, changes edits) (changed []string, err error) {
	s.mu.Lock()
	s.turning(errTurned)
	s.mu.Unlock()
	changed, err = s.site.Refresh(ctx, changes.paths, changes.anywhere)
	s.mu.Lock()
	s.asking, s.turning = context.WithCancelCause(context.Background())
	s.mu.Unlock()
	return changed, err
}

// errTurned ends questions whose answers would be old.
var errTurned = errors.New("the site has changed")

// errStarting is the error of a request that had no patience left.
var errStarting = errors.New("the site is not ready yet")

// missing says whether an error is that of a file that the site has not.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
