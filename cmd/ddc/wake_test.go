package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
}
