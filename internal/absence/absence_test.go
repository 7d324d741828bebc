package absence

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLookThatIsABitLateIsNoAbsence(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	a := Log{Every: 2 * time.Second}
	a.Begin(at(0))
	for _, s := range []int{2, 5, 9, 11} {
		a.Note(at(s))
	}
	assert.Zero(t, a.Since(at(0), at(11)))
	a.Note(at(23)) // ten late
	assert.Equal(t, 10*time.Second, a.Since(at(0), at(24)))
	assert.Equal(t, 3*time.Second, a.Since(at(20), at(24)), "of what began in the middle, the rest")
	assert.Zero(t, a.Since(at(23), at(24)))
	assert.Equal(t, 10*time.Second+15*time.Second, a.Since(at(0), at(40)), "one that is not noted yet counts")
	a.Forget(at(23))
	assert.Zero(t, a.Since(at(0), at(24)))
}
