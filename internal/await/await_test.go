package await

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a test that fails without ending the one that asks it.
type recorder struct {
	testing.TB
	deadline time.Time
	said     string
}

func (r *recorder) Helper()                     {}
func (r *recorder) Deadline() (time.Time, bool) { return r.deadline, !r.deadline.IsZero() }
func (r *recorder) Fatal(args ...any) {
	r.said = fmt.Sprint(args...)
	runtime.Goexit()
}

// failing runs a wait that fails, and returns what it said.
func failing(r *recorder, wait func(t testing.TB)) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait(r)
	}()
	<-done
	return r.said
}

func TestWaitThatNeverEndsNamesWhatItWaitedFor(t *testing.T) {
	said := failing(&recorder{}, func(t testing.TB) {
		until(t, time.Millisecond, "Godot", func() bool { return false }, func() string { return "two men under a tree" })
	})
	assert.Contains(t, said, "still waiting for Godot after ")
	assert.Contains(t, said, "\ntwo men under a tree\n")
	assert.Contains(t, said, "await.failing", "the goroutines are told")

	never := make(chan error)
	said = failing(&recorder{}, func(t testing.TB) { receive(t, time.Millisecond, "a letter", never) })
	assert.Contains(t, said, "still waiting for a letter after 1ms")
}

func TestWaitIsToldBeforeTheTestBinaryIsEnded(t *testing.T) {
	said := failing(&recorder{deadline: time.Now().Add(time.Second)}, func(t testing.TB) { Closed(t, "the end", make(chan int)) })
	assert.Contains(t, said, "still waiting for the end after 0s")
	assert.Equal(t, Limit, limit(&recorder{}))
}

func TestWaitEndsWithWhatItWaitedFor(t *testing.T) {
	looks := 0
	Until(t, "the third look", func() bool { looks++; return looks == 3 })
	assert.Equal(t, 3, looks)
	c := make(chan int, 1)
	c <- 7
	assert.Equal(t, 7, Value(t, "a seven", c))
	close(c)
	Closed(t, "the end", c)
}
