package strategy_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/shm"
	"ddc/wake"
	"ddc/wake/strategy"
)

// newBell makes a doorbell in this process.
func newBell(tb testing.TB, s wake.Strategy) (*wake.Doorbell, *wake.Words) {
	tb.Helper()
	files, err := s.Make()
	require.NoError(tb, err)
	words := new(wake.Words)
	waker, err := s.Open(words.Tokens(new(shm.Word32)), files)
	require.NoError(tb, err)
	for _, f := range files {
		require.NoError(tb, f.Close())
	}
	bell := wake.NewDoorbell(words, waker, wake.SpinOff)
	tb.Cleanup(func() { assert.NoError(tb, bell.Close()) })
	return bell, words
}

// tokenThere rings a bell that has announced, then takes the token that was
// left: a whole wake-up but for the sleep.
func tokenThere(bell *wake.Doorbell, words *wake.Words) error {
	words.Sleeping.Store(1)
	if err := bell.Ring(); err != nil {
		return err
	}
	looks := 0
	return bell.Await(context.Background(), func() bool { looks++; return looks == 3 })
}

func TestWakeUpAllocatesNothing(t *testing.T) {
	for _, s := range strategy.All() {
		t.Run(s.Name(), func(t *testing.T) {
			bell, words := newBell(t, s)
			assert.Zero(t, testing.AllocsPerRun(100, func() {
				if err := tokenThere(bell, words); err != nil {
					t.Error(err)
				}
			}))
		})
	}
}

// BenchmarkRing is what a ring costs: of a bell that nobody sleeps on, the same
// for every strategy, and with a token left and taken, by strategy. What a
// sleep costs beside takes two processes: see packages bench and bench.
func BenchmarkRing(b *testing.B) {
	b.Run("awake", func(b *testing.B) {
		bell, _ := newBell(b, strategy.All()[0])
		b.ReportAllocs()
		for b.Loop() {
			_ = bell.Ring()
		}
	})
	for _, s := range strategy.All() {
		b.Run("asleep/"+s.Name(), func(b *testing.B) {
			bell, words := newBell(b, s)
			b.ReportAllocs()
			for b.Loop() {
				if err := tokenThere(bell, words); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
