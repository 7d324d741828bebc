package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/wake/strategy"
)

func TestWakeListTriesEveryStrategy(t *testing.T) {
	o := ddc(t, "wake", "list")
	require.Zero(t, o.code, o.stdout+o.stderr)
	for _, name := range strategy.Names() {
		assert.Contains(t, o.stdout, name)
	}
	assert.NotContains(t, o.stdout, "no:")

	o = ddc(t, "wake", "list", "--json")
	var object struct {
		Strategies []struct {
			Strategy, Needs string
			Works           bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &object))
	assert.Len(t, object.Strategies, 4)
	for _, s := range object.Strategies {
		assert.True(t, s.Works, s.Strategy)
		assert.NotEmpty(t, s.Needs)
	}
}

func TestWakeBenchComparesThoseNamed(t *testing.T) {
	o := ddc(t, "wake", "bench", "--rounds", "2", "--json", "pipe", "futex")
	require.Zero(t, o.code, o.stderr)
	var object struct {
		Rows []struct {
			Strategy string
			Parked   struct {
				P50 int `json:"p50_ns"`
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &object), o.stdout)
	require.Len(t, object.Rows, 2)
	assert.Equal(t, "pipe", object.Rows[0].Strategy)
	assert.Positive(t, object.Rows[0].Parked.P50)

	o = ddc(t, "wake", "bench", "--rounds", "2", "eventfd")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "eventfd")
	o = ddc(t, "wake", "bench", "eventdf")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "did you mean eventfd?")
}
