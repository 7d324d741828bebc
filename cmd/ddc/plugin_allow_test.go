package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAllowNamesPluginsOrGivesOneOfThemRights(t *testing.T) {
	all, err := parseAllow([]string{"shout,whisper", "whisper=net,env:HOME", "sing"})
	require.NoError(t, err)
	assert.Equal(t, map[string]rights{"shout": {}, "whisper": {network: true, env: []string{"HOME"}}, "sing": {}}, all)
	for flag, want := range map[string]string{
		"":                  "names no plugin",
		"shout,":            "names no plugin",
		"=net":              "names no plugin",
		"shout,whisper=net": "write --allow NAME=RIGHT,... for each",
		"shout=fly":         `shout: "fly" is no right`,
	} {
		_, err := parseAllow([]string{flag})
		assert.ErrorContains(t, err, want, flag)
	}
}
