package await

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
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
		w := waitFor(t, "Godot", func() string { return "two men under a tree" })
		w.limit = time.Millisecond
		w.until(func() bool { return false })
	})
	assert.Contains(t, said, "still waiting for Godot after ")
	assert.Contains(t, said, "\ntwo men under a tree\n")
	assert.Contains(t, said, "await.failing", "the goroutines are told")

	never := make(chan error)
	said = failing(&recorder{}, func(t testing.TB) {
		w := waitFor(t, "a letter")
		w.limit = time.Millisecond
		receive(w, never)
	})
	assert.Contains(t, said, "still waiting for a letter after 1ms")
}

// lines is a writer whose lines another goroutine may look at.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func TestWaitSaysAfterSecondsWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := make(lines, 3)
		w := wait{t: t, what: "a letter", limit: Limit, notice: notice, out: out}
		letter := make(chan int)
		begun := time.Now()
		go func() {
			time.Sleep(notice - 1)
			synctest.Wait()
			assert.Empty(t, out)
			time.Sleep(time.Second)
			synctest.Wait()
			letter <- 1
		}()
		receive(w, letter)
		assert.Less(t, time.Since(begun), notice+2*time.Second)
		assert.Equal(t, t.Name()+" has waited 10s for a letter\n", <-out)

		w.until(func() bool { return time.Since(begun) > 2*notice })
		assert.Empty(t, out, "it was over before")
		done := w.tell()
		done()
		time.Sleep(2 * notice)
		synctest.Wait()
		assert.Empty(t, out, "it is over")
	})
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
