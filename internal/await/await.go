// Package await is how tests wait for what must happen: with a bound that a
// busy machine does not reach, and with a failure that names what did not come.
//
//	await.Until(t, "the plugin to start", func() bool { return len(plugins()) == 16 })
//	await.Closed(t, "Serve to return", served)
//	err := await.Value(t, "the call's answer", answered)
//	await.All(t, "the callers", &callers)
//
// A wait of more than ten seconds says on standard error what it waits for, so
// that nobody has to guess until it ends.
//
// A condition runs on the goroutine of the test, so it may use require, and no
// goroutine comes and goes beside those that a test counts. Only tests import
// this package.
package await

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
)

// Limit is how long a wait may last. A sound wait takes milliseconds; the rest
// is for a machine with other work.
const Limit = 3 * time.Minute

const (
	// notice is how long a wait lasts until it is told of.
	notice = 10 * time.Second
	// pause is the time between two looks at a condition.
	pause = time.Millisecond
	// reserve is what is left of the test binary's own time for the failure to
	// be told.
	reserve = 5 * time.Second
	// stacksLimit bounds the dump of goroutines in a failure, in bytes.
	stacksLimit = 256 << 10
)

// wait is one wait: for what, how long it lasts at most, and who is told of it.
type wait struct {
	t      testing.TB
	what   string
	limit  time.Duration
	notice time.Duration
	out    io.Writer
	state  []func() string
}

func waitFor(t testing.TB, what string, state ...func() string) wait {
	return wait{t, what, limit(t), notice, os.Stderr, state}
}

// Until waits until holds says true. A failure tells what was awaited, and what
// each of state says at that moment.
func Until(t testing.TB, what string, holds func() bool, state ...func() string) {
	t.Helper()
	waitFor(t, what, state...).until(holds)
}

func (w wait) until(holds func() bool) {
	w.t.Helper()
	defer w.tell()()
	for begun := time.Now(); !holds(); time.Sleep(pause) {
		if waited := time.Since(begun); waited >= w.limit {
			w.t.Fatal(w.failure(waited))
		}
	}
}

// Closed waits until c is closed, or has a value.
func Closed[T any](t testing.TB, what string, c <-chan T, state ...func() string) {
	t.Helper()
	receive(waitFor(t, what, state...), c)
}

// Value waits for a value of c, and returns it.
func Value[T any](t testing.TB, what string, c <-chan T, state ...func() string) T {
	t.Helper()
	return receive(waitFor(t, what, state...), c)
}

func receive[T any](w wait, c <-chan T) (v T) {
	w.t.Helper()
	defer w.tell()()
	timer := time.NewTimer(w.limit)
	defer timer.Stop()
	select {
	case v = <-c:
	case <-timer.C:
		w.t.Fatal(w.failure(w.limit))
	}
	return v
}

// All waits for a group of goroutines, as Bound does.
func All(t testing.TB, what string, group interface{ Wait() }) {
	t.Helper()
	defer Bound(t, what)()
	group.Wait()
}

// Bound is for what can't be waited for beside: if done is not called in time,
// the test binary ends with a panic that names what.
func Bound(t testing.TB, what string) (done func()) {
	t.Helper()
	w := waitFor(t, what)
	told := w.tell()
	timer := time.AfterFunc(w.limit, func() { panic(t.Name() + ": " + w.failure(w.limit)) })
	return func() { timer.Stop(); told() }
}

// tell says what is waited for if done is not called within the notice.
func (w wait) tell() (done func()) {
	timer := time.AfterFunc(w.notice, func() { fmt.Fprintf(w.out, "%s has waited %v for %s\n", w.t.Name(), w.notice, w.what) })
	return func() { timer.Stop() }
}

// limit is Limit, or less where the test binary is about to be ended.
func limit(t testing.TB) time.Duration {
	d, ok := t.(interface{ Deadline() (time.Time, bool) })
	if !ok {
		return Limit
	}
	if deadline, ok := d.Deadline(); ok {
		return max(min(Limit, time.Until(deadline)-reserve), 0)
	}
	return Limit
}

func (w wait) failure(waited time.Duration) string {
	text := fmt.Sprintf("still waiting for %s after %v", w.what, waited.Round(time.Millisecond))
	for _, s := range w.state {
		text += "\n" + s()
	}
	stacks := make([]byte, stacksLimit)
	return text + "\n\n" + string(stacks[:runtime.Stack(stacks, true)])
}
