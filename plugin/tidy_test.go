package plugin

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"

	"ddc/rpc/rpctestpb"
)

func TestIdlePluginGivesBackWhatALargeCallTookAndABusyOneDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := 0
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		tidier := newTidier()
		tidier.free = func() { freed++ }
		call := func(size int, lasts time.Duration) {
			_, err := tidier.intercept(t.Context(), &rpctestpb.Packet{Data: make([]byte, size)}, nil, grpc.UnaryHandler(func(context.Context, any) (any, error) {
				time.Sleep(lasts)
				return nil, nil
			}))
			assert.NoError(t, err)
		}
		call(1000, 0)
		pass(time.Minute)
		assert.Zero(t, freed, "nothing large")

		for range 10 {
			call(tidyAbove, tidyPause/2)
			pass(tidyPause / 2)
		}
		assert.Zero(t, freed, "the next call comes soon")
		go call(1000, time.Second)
		pass(tidyPause * 2)
		assert.Zero(t, freed, "another is under way")
		pass(time.Minute)
		assert.Equal(t, 1, freed)
		pass(time.Minute)
		assert.Equal(t, 1, freed)
		call(tidyAbove, 0)
		tidier.stop()
		pass(time.Minute)
		assert.Equal(t, 1, freed)
	})
}

func TestSlotsKeepWithinTheirShare(t *testing.T) {
	for limit, want := range map[int64]int{1 << 30: 5, 64 << 20: 4, 16 << 20: 3, 1: 1} {
		assert.Len(t, SlotsWithin(limit), want, "%d", limit)
	}
}
