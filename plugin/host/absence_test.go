package host

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// victim notes why it was killed.
type victim struct{ killed atomic.Pointer[error] }

func (v *victim) kill(cause error) { v.killed.Store(&cause) }

func (v *victim) cause() error {
	if cause := v.killed.Load(); cause != nil {
		return *cause
	}
	return nil
}

func TestTimeInWhichTheHostDidNotRunDoesNotCountForACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Int64 // what the clock has gone on by while nothing ran
		p := newPatience(2 * time.Minute)
		p.now = func() time.Time { return time.Now().Add(time.Duration(stopped.Load())) }
		runs := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		var long victim
		a := p.begin(&long, "Long", "")
		runs(60 * time.Second)
		stopped.Add(int64(90 * time.Second))
		runs(40 * time.Second)
		stopped.Add(int64(time.Hour))
		var late victim
		b := p.begin(&late, "Late", "") // before anybody has noted the hour
		runs(15 * time.Second)
		assert.NoError(t, long.cause(), "115 s of the machine's time, and an hour and a half of the clock's")
		runs(10 * time.Second)
		assert.EqualError(t, long.cause(), "Long was not answered within 2m0s")
		assert.True(t, p.end(a))
		runs(90 * time.Second)
		assert.NoError(t, late.cause())
		runs(10 * time.Second)
		assert.EqualError(t, late.cause(), "Late was not answered within 2m0s")
		assert.True(t, p.end(b))
		runs(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		assert.Nil(t, p.timer, "nobody is waited for")
	})
}
