package plugin

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc"

	"ddc/rpc/rpctestpb"
)

func TestIdlePluginGivesBackWhatALargeCallTookAndABusyOneDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var freed atomic.Int64
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		tidier := newTidier()
		tidier.free = func() { freed.Add(1) }
		call := func(size int, lasts time.Duration) {
			_, err := tidier.intercept(t.Context(), &rpctestpb.Packet{Data: make([]byte, size)}, nil, grpc.UnaryHandler(func(context.Context, any) (any, error) {
				time.Sleep(lasts)
				return nil, nil
			}))
			assert.NoError(t, err)
		}
		call(1000, 0)
		pass(time.Minute)
		assert.Zero(t, freed.Load(), "nothing large")

		for range 10 {
			call(tidyAbove, tidyPause/2)
			pass(tidyPause / 2)
		}
		assert.Zero(t, freed.Load(), "the next call comes soon")
		go call(1000, time.Second)
		pass(tidyPause * 2)
		assert.Zero(t, freed.Load(), "another is under way")
		pass(time.Minute)
		assert.EqualValues(t, 1, freed.Load())
		pass(time.Minute)
		assert.EqualValues(t, 1, freed.Load())
		call(tidyAbove, 0)
		tidier.stop()
		pass(time.Minute)
		assert.EqualValues(t, 1, freed.Load())
	})
}
