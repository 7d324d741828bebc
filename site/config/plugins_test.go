package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/site/config"
)

func TestPluginsAreInTheOrderWritten(t *testing.T) {
	c := load(t, folders+`
plugin "shout" {
    command "./shout"
    args "--level" "3"
    stage "html" "check" "html"
}
plugin "b-2" command="/usr/lib/b" stage="files"
plugin "a"
`)
	require.Len(t, c.Plugins, 3)
	assert.Equal(t, config.Plugin{Name: "shout", Command: "./shout", Args: []string{"--level", "3"}, Stages: []string{"check", "html"}, Line: 4, Col: 1, Length: 6}, c.Plugins[0])
	assert.Equal(t, config.Plugin{Name: "b-2", Command: "/usr/lib/b", Stages: []string{"files"}, Line: 9, Col: 1, Length: 6}, c.Plugins[1])
	assert.Equal(t, "a", c.Plugins[2].Name)
	assert.Equal(t, ".config/dodeca.kdl:4:1: wrong (mend it)", c.Plugins[0].Fault("wrong", "mend it").String())
}

func TestPluginsThatCannotBeMeantAreFaults(t *testing.T) {
	for source, says := range map[string]string{
		"plugin":                       "3:1: plugin takes one name, not 0",
		`plugin "a" "b"`:               "3:1: plugin takes one name, not 2",
		`plugin 3`:                     "3:8: the name of a plugin must be a string, not the number 3",
		`plugin "../x"`:                `3:8: "../x" is no name for a plugin`,
		`plugin "Shout"`:               `is no name for a plugin`,
		`plugin "a" { command ""; }`:   "command must name a program",
		`plugin "a" { stage "htm"; }`:  `there is no stage "htm" (there are markdown, html, shortcode, function, files, check)`,
		"plugin \"a\"\nplugin \"a\"":   "4:1: the plugin a is given again (give one of them another name)\n  .config/dodeca.kdl:3:1: it stands here",
		`plugin "a" { comand "x"; }`:   `3:14: unknown setting of the plugin a "comand" (did you mean command?)`,
		`plugin "a" { args; }`:         "args needs a value",
		`plugin "a" command="a\u{0}b"`: "has a zero byte in it",
		strings.Join(numbered(17), ""): "a site has at most 16 plugins",
	} {
		_, err := config.Load(project(t, folders+source), config.Overrides{})
		var faults diagnostic.Errors
		require.ErrorAs(t, err, &faults, source)
		assert.Contains(t, faults.Error(), says)
	}
}

func numbered(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("plugin \"p%d\"\n", i))
	}
	return all
}
