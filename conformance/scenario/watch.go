package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"ddc/internal/proc"
	"ddc/wake"
)

// Snapshot is one look at a sleeper from outside. It is comparable: if two
// looks are equal, nothing happened in between.
type Snapshot struct {
	// Name says whose bell it is.
	Name string
	wake.Sleeper
	// Bell is the event count's words.
	Bell wake.State
	// Note has what else a reader wants to know: ring indices, progress.
	Note string
}

// Look fills a snapshot from a bell's words.
func Look(name string, words *wake.Words, waker interface{ Pending() (bool, error) }) (Snapshot, error) {
	bell := words.State()
	s := Snapshot{Name: name, Bell: bell, Sleeper: wake.Sleeper{Parked: bell.Parked}}
	var err error
	s.Token, err = waker.Pending()
	return s, err
}

func (s Snapshot) String() string {
	return fmt.Sprintf("%s: parked=%t due=%t token=%t owed=%d sleeping=%t seq=%d rings=%d sent=%d suppressed=%d received=%d spurious=%d %s",
		s.Name, s.Parked, s.Due, s.Token, s.Owed, s.Bell.Sleeping, s.Bell.Seq,
		s.Bell.Rings, s.Bell.Sent, s.Bell.Suppressed, s.Bell.Received, s.Bell.Spurious, s.Note)
}

// LostWakeup is the error about a sleeper that nothing will wake.
type LostWakeup struct {
	// At is the sleeper, All everyone at the same time.
	At  Snapshot
	All []Snapshot
	// Held is how long the snapshot stayed the same.
	Held time.Duration
}

// Error says what was found, and the counters of all sides.
func (l *LostWakeup) Error() string {
	what := "lost wake-up: the sleeper is parked, its condition holds, no token is pending and none is owed"
	if l.At.Token {
		what = "token not delivered: the sleeper is parked, its condition holds, a token is pending, and Wait does not return"
	}
	text := fmt.Sprintf("%s; unchanged for %v\n  %v", what, l.Held, l.At)
	for _, s := range l.All {
		if s != l.At {
			text += "\n  " + s.String()
		}
	}
	return text
}

// Source looks at all sleepers of a program.
type Source func() ([]Snapshot, error)

// Watch looks again and again. It returns nil once ctx is done, and a
// [*LostWakeup] once a sleeper is lost in a snapshot that stays the same for
// settle. It decides by state. Time only separates a sleeper that was woken and
// waits for a processor, or an actor that is at work, from one that was not
// woken. So only time counts in which the watch itself ran, as sleepers too
// could then get up, and in which no other thread of this process was ready to.
// Where one always is, the time is busySettle times settle.
func Watch(ctx context.Context, settle time.Duration, look Source) error {
	return watch(ctx, settle, look, othersReady)
}

// busySettle bounds what a process that is never at rest can put off.
const busySettle = 10

func othersReady() bool { return proc.Ready(os.Getpid()) > 1 }

func watch(ctx context.Context, settle time.Duration, look Source, busy func() bool) error {
	pause := min(max(settle/20, time.Millisecond), 50*time.Millisecond)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	since := map[string]Snapshot{}
	held := map[string]time.Duration{}
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		all, err := look()
		if err != nil {
			if ctx.Err() != nil { // the bells were closed meanwhile
				return nil
			}
			return fmt.Errorf("look at sleepers: %w", err)
		}
		now := time.Now()
		ran := min(now.Sub(last), pause)
		last = now
		counted := sync.OnceValue(func() time.Duration {
			if busy() {
				return ran / busySettle
			}
			return ran
		})
		for _, s := range all {
			if (!s.Lost() && !s.Undelivered()) || since[s.Name] != s {
				since[s.Name], held[s.Name] = s, 0
				continue
			}
			if held[s.Name] += counted(); held[s.Name] >= settle {
				return &LostWakeup{At: s, All: all, Held: held[s.Name].Round(time.Millisecond)}
			}
		}
	}
}

// stage runs the actors of one program and watches their sleepers.
type stage struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	actors sync.WaitGroup
}

// play runs actors until all have ended. The first that fails, or the watch's
// verdict, ends the rest: stop is called, which must free every sleeper.
func (e *Env) play(ctx context.Context, look Source, stop func(), actors ...func(context.Context) error) error {
	s := &stage{}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	watching, unwatch := context.WithCancel(s.ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		if err := Watch(watching, e.settle(), look); err != nil {
			s.cancel(err)
		}
	})
	stopped := make(chan struct{})
	unstop := context.AfterFunc(s.ctx, func() {
		defer close(stopped)
		stop()
	})
	for _, actor := range actors {
		s.actors.Go(func() {
			if err := actor(s.ctx); err != nil {
				s.cancel(err)
			}
		})
	}
	s.actors.Wait()
	unwatch()
	watch.Wait()
	if !unstop() {
		<-stopped // stop must not outlive what it stops
	}
	if err := context.Cause(s.ctx); err != nil {
		return err
	}
	return nil
}

// until polls a state: it returns when cond holds, or with ctx's error.
func until(ctx context.Context, cond func() bool) error {
	for looks := 0; !cond(); looks++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if looks < 200 {
			runtime.Gosched()
		} else { // somebody else needs this processor
			time.Sleep(100 * time.Microsecond)
		}
	}
	return nil
}

// untilRan is until, with an end after which nothing is said: once this process
// has run for a time. In what is left out, since it was stopped or had no
// processor, nobody in it could do anything.
func untilRan(ctx context.Context, left time.Duration, cond func() bool) error {
	const pause = 5 * time.Millisecond
	for last := time.Now(); left > 0 && !cond(); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		time.Sleep(pause)
		now := time.Now()
		left -= min(now.Sub(last), 2*pause)
		last = now
	}
	return nil
}

// patience is how long programs wait for something before they call it missing,
// if no state shows that it will not come. A sound system never reaches it.
const patience = 60 * time.Second

var errPatience = errors.New("nothing happened for " + patience.String())

// withPatience is until, with an end.
func withPatience(ctx context.Context, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	if err := until(ctx, cond); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// done waits for a channel to be closed, with an end.
func done(ctx context.Context, what string, c <-chan struct{}) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}
