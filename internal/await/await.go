// Package await is how tests wait for what must happen: with a bound that a
// busy machine does not reach, and with a failure that names what did not come.
//
//	await.Until(t, "the plugin to start", func() bool { return len(plugins()) == 16 })
//	await.Closed(t, "Serve to return", served)
//	err := await.Value(t, "the call's answer", answered)
//
// A condition runs on the goroutine of the test, so it may use require, and no
// goroutine comes and goes beside those that a test counts. Only tests import
// this package.
package await

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// Limit is how long a wait may last. A sound wait takes milliseconds; the rest
// is for a machine with other work.
const Limit = 3 * time.Minute

const (
	// pause is the time between two looks at a condition.
	pause = time.Millisecond
	// reserve is what is left of the test binary's own time for the failure to be told.
	reserve = 5 * time.Second
	// stacksLimit bounds the dump of goroutines in a failure, in bytes.
	stacksLimit = 256 << 10
)

// Until waits until holds says true. A failure tells what was awaited, and what
// each of state says at that moment.
func Until(t testing.TB, what string, holds func() bool, state ...func() string) {
	t.Helper()
	until(t, limit(t), what, holds, state...)
}

func until(t testing.TB, limit time.Duration, what string, holds func() bool, state ...func() string) {
	t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(pause) {
		if waited := time.Since(begun); waited >= limit {
			t.Fatal(failure(what, waited, state))
		}
	}
}

// Closed waits until c is closed, or has a value.
func Closed[T any](t testing.TB, what string, c <-chan T, state ...func() string) {
	t.Helper()
	receive(t, limit(t), what, c, state...)
}

// Value waits for a value of c, and returns it.
func Value[T any](t testing.TB, what string, c <-chan T, state ...func() string) T {
	t.Helper()
	return receive(t, limit(t), what, c, state...)
}

func receive[T any](t testing.TB, limit time.Duration, what string, c <-chan T, state ...func() string) (v T) {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case v = <-c:
	case <-timer.C:
		t.Fatal(failure(what, limit, state))
	}
	return v
}

// Bound is for what can't be waited for beside: if done is not called in time, the
// test binary ends with a panic that names what.
func Bound(t testing.TB, what string) (done func()) {
	t.Helper()
	limit := limit(t)
	timer := time.AfterFunc(limit, func() { panic(t.Name() + ": " + failure(what, limit, nil)) })
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

func failure(what string, waited time.Duration, state []func() string) string {
	text := fmt.Sprintf("still waiting for %s after %v", what, waited.Round(time.Millisecond))
	for _, s := range state {
		text += "\n" + s()
	}
	stacks := make([]byte, stacksLimit)
	return text + "\n\n" + string(stacks[:runtime.Stack(stacks, true)])
}
