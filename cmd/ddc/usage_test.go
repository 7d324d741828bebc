package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/site/config"
)

func TestWrongUsageEndsWithTwoAndSaysWhatIsRight(t *testing.T) {
	site := smallSite(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"build", site, "--wake", "carrier-pigeon"}, `unknown strategy "carrier-pigeon": choose one of futex, eventfd, pipe, socketpair`},
		{[]string{"build", site, "--wake", "fuetx"}, "did you mean futex?"},
		{[]string{"build", site, "--wake", "futex,fnots=pipe"}, `unknown plugin "fnots" (did you mean fonts?)`},
		{[]string{"build", site, "--wake", "futex,pipe"}, "are both to be the strategy of all plugins"},
		{[]string{"build", site, "--wake", "fonts=pipe,fonts=futex"}, "fonts is named twice"},
		{[]string{"build", site, "--wake", "fonts="}, `unknown strategy ""`},
		{[]string{"build", site, "--transport", "tcp"}, `"tcp" is none of shm, inproc`},
		{[]string{"build", site, "--spin", "long"}, `"long" is none of auto, off or a duration`},
		{[]string{"build", site, "--jobs", "-1"}, "a number from 1"},
		{[]string{"build", site, "--jobs", "many"}, "invalid argument"},
		{[]string{"build", site, "--wak", "futex"}, "unknown flag: --wak"},
		{[]string{"build", "one", "two"}, "accepts at most 1 arg"},
		{[]string{"build", "/no/such/folder"}, "no such file or directory"},
		{[]string{"biuld"}, `unknown command "biuld"`},
		{[]string{"build", t.TempDir(), "--transport", "tcp"}, `"tcp" is none of shm, inproc`},
		{[]string{"build", t.TempDir(), "--wake", "fuetx"}, "did you mean futex?"},
		{[]string{"init", site}, "not empty"},
		{[]string{"init", ""}, "the folder has no name"},
		{[]string{"plugin"}, "accepts 1 arg"},
		{[]string{"plugin", "fotns"}, "did you mean fonts?"},
		{[]string{"plugin", "fonts"}, "its host starts it"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			o := ddc(t, c.args...)
			assert.Equal(t, exitUsage, o.code)
			assert.Contains(t, o.stderr, c.want)
			assert.Empty(t, o.stdout)
		})
	}
}

func TestWakeIsChosenByFlagThenEnvironmentThenConfiguration(t *testing.T) {
	cfg := &config.Config{Wake: "pipe"}
	c, err := chooseWake("eventfd,fonts=futex", "socketpair", cfg)
	assert.NoError(t, err)
	assert.Equal(t, wakeChoice{"eventfd", map[string]string{"fonts": "futex"}}, c)
	c, err = chooseWake("", "socketpair", cfg)
	assert.NoError(t, err)
	assert.Equal(t, "socketpair", c.all)
	c, err = chooseWake("", "", cfg)
	assert.NoError(t, err)
	assert.Equal(t, "pipe", c.all)
	c, err = chooseWake("", "", &config.Config{})
	assert.NoError(t, err)
	assert.Equal(t, "futex", c.all)
	c, err = chooseWake("fonts=pipe", "", &config.Config{})
	assert.NoError(t, err)
	assert.Equal(t, wakeChoice{"futex", map[string]string{"fonts": "pipe"}}, c)

	_, err = chooseWake("", "smoke", cfg)
	assert.ErrorContains(t, err, `DDC_WAKE: unknown strategy "smoke"`)
	_, err = chooseWake("", "", &config.Config{Wake: "drums"})
	assert.ErrorContains(t, err, `.config/dodeca.kdl: wake: unknown strategy "drums"`)
}

func TestHelpAndVersionAndCompletion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"build", "--help"}, {"wake", "--help"}, {"version"}, {"completion", "bash"}, {"completion", "fish"}, {"completion", "zsh"}} {
		o := ddc(t, args...)
		assert.Zero(t, o.code, args)
		assert.NotEmpty(t, o.stdout, args)
	}
	assert.Contains(t, ddc(t, "--help").stdout, "Exit codes: 0 done, 1 the site is at fault, 2 wrong usage, 3 the machinery")
	assert.Contains(t, ddc(t, "__complete", "build", "--wake", "").stdout, "socketpair")
}
