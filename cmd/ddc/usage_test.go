package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/internal/tool"
	"ddc/site/config"
)

// A fault in a site's files is the site's fault, wherever the error comes from.
// The small ones are in scripts.
func TestFaultsOfASiteAreNeverTheMachinerys(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, site string){
		"configuration is too large": func(t *testing.T, site string) {
			write(t, site, config.Name, "content \"content\"\n// "+strings.Repeat("x", 2<<20))
		},
		"template is deep": func(t *testing.T, site string) {
			write(t, site, "templates/page.html", strings.Repeat("{% if true %}", 50_000)+strings.Repeat("{% endif %}", 50_000))
		},
		"template has a deep value": func(t *testing.T, site string) {
			write(t, site, "templates/page.html", "{{ "+strings.Repeat("(", 50_000)+"1"+strings.Repeat(")", 50_000)+" }}")
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := smallSite(t)
			spoil(t, site)
			o := ddc(t, "build", site, "--no-code-exec")
			assert.Equal(t, exitSite, o.code, o.stderr)
			assert.Regexp(t, `(?m)^error: .`, o.stderr)
			assert.Contains(t, o.stderr, "Build failed: ")
			assert.Less(t, len(o.stderr), 2000)
		})
	}
}

func TestEndlessSassIsTheSitesFault(t *testing.T) {
	inOtherProcesses(t)
	if _, err := tool.Find("sass"); err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct{ sass, want string }{
		"calls itself": {"a { b: c }\n@function f($n) { @return f($n + 1); }\na { b: f(1) }\n", "error: sass/main.scss:2:1: the Sass calls itself without end"},
		"loops":        {"a { b: c }\n  @while true { $x: 1; }\n", "error: sass/main.scss:2:3: the Sass did not compile within"},
	} {
		for _, transport := range []string{"shm", "inproc"} {
			t.Run(name+" "+transport, func(t *testing.T) {
				site := smallSite(t)
				write(t, site, "sass/main.scss", c.sass)
				o := ddc(t, "build", site, "--no-code-exec", "--transport", transport, "--call-timeout", "sass=8s")
				assert.Equal(t, exitSite, o.code, o.stderr)
				assert.Contains(t, o.stderr, c.want)
				assert.NotContains(t, o.stderr, "dart")
				assert.Equal(t, 2, strings.Count(o.stderr, "\n"), o.stderr)
			})
		}
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
