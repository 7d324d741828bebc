package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// edition is what copies of this program differ in.
func edition(name string) string { return "\nedition: " + name }

// ownEdition is that of this copy, or what stands in the file that it names.
func ownEdition() string {
	text, err := os.ReadFile(os.Args[0])
	if err != nil {
		return err.Error()
	}
	_, name, _ := strings.Cut(string(text[max(len(text)-500, 0):]), edition(""))
	if file, elsewhere := strings.CutPrefix(name, "at "); elsewhere {
		if text, err = os.ReadFile(file); err != nil {
			return err.Error()
		}
		name = string(text)
	}
	return name
}

// ownServed is a site whose own plugin is a copy of this test binary. The copy
// says in each page which edition it is.
func ownServed(t *testing.T, name, role string) (site, program string) {
	t.Helper()
	inOtherProcesses(t)
	site = ownSite(t, "sound", "templates/index.html", htmlPage("{{ section.title }}"), "content/_index.md", "")
	program = filepath.Join(site, "bin", name)
	require.NoError(t, os.Mkdir(filepath.Dir(program), 0o777))
	copyOfSelf(t, program, edition("the first"))
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n"+naming(name, "bin/"+name, ownRole, role))
	return site, program
}

func TestServerRunsAProgramThatWasBuiltAnew(t *testing.T) {
	for name, role := range map[string]string{"shout": "edition", "minify": "minify"} {
		t.Run(name, func(t *testing.T) {
			site, program := ownServed(t, name, role)
			s := startServing(t, site, "--allow", name)
			s.shows("/", "made by the first edition")
			copyOfSelf(t, program, edition("the second"))
			assert.Regexp(t, `^bin/`+name+`: [1-9]\d* pages?, [1-9]\d* calls?, \d+ ms$`, s.line("the other program to be taken in"))
			s.shows("/", "made by the second edition")

			require.NoError(t, os.Remove(program))
			write(t, site, "bin/"+name, "half a program")
			await.Until(t, "a program that is none to be said", func() bool {
				return strings.Contains(s.stderr.String(), "dodeca.kdl:4:1: the plugin "+name+": its program cannot be used")
			}, s.stderr.String)
			write(t, site, "content/_index.md", "+++\ntitle = \"meanwhile\"\n+++\n")
			copyOfSelf(t, program, edition("the third"))
			s.shows("/", "made by the third edition")
			s.shows("/", "meanwhile")
			assert.Zero(t, s.stop(), s.stderr.String())
		})
	}
}

func TestServerAsksAgainForTrustInAProgramThatHasChanged(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	site, program := ownServed(t, "shout", "edition")
	require.Zero(t, ddc(t, "plugin", "trust", site).code)
	s := startServing(t, site)
	s.shows("/", "made by the first edition")
	copyOfSelf(t, program, edition("the second"))
	await.Until(t, "the program to be refused", func() bool {
		return strings.Contains(s.stderr.String(), "the site wants to run a program of its own")
	}, s.stderr.String)
	s.shows("/", "made by the first edition")
	require.Zero(t, ddc(t, "plugin", "trust", site).code)
	s.shows("/", "made by the second edition")
	assert.Zero(t, s.stop(), s.stderr.String())
}

// What plugins of a site's own do wrong is shown, and over as soon as it is
// mended.
func TestServerOutlivesFaultyOwnPlugins(t *testing.T) {
	for role, says := range map[string]string{
		"slow":     "was not answered within 5s",
		"dies":     "died: exit status 7",
		"large":    "SitePlugin/Html",
		"no utf-8": "string field contains invalid UTF-8",
		"refuses":  "this page is not to be had",
		"nothing":  "says that it does nothing",
		"outside":  "which is no path below the output folder",
	} {
		t.Run(role, func(t *testing.T) {
			site, program := ownServed(t, "shout", role+" at first")
			flags := []string{"--allow", "shout", "--memory-limit", "512MiB"}
			if role == "slow" { // which is given up twice; a sound one is answered in time on a busy machine too
				flags = append(flags, "--call-timeout", "shout=5s")
			}
			s := startServing(t, site, flags...)
			await.Until(t, "the fault to be said", func() bool { return strings.Contains(s.stderr.String(), says) }, s.stderr.String)
			copyOfSelf(t, program, edition("the mended"))
			s.shows("/", "made by the mended edition")
			assert.Zero(t, s.stop(), s.stderr.String())
		})
	}
}

func TestServerStartsAnOwnPluginAgainThatWasKilled(t *testing.T) {
	site, program := ownServed(t, "shout", "edition")
	s := startServing(t, site, "--allow", "shout")
	s.shows("/", "made by the first edition")
	for i, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGABRT} {
		for _, pid := range childrenOf(t, s.cmd.Process.Pid, program) {
			require.NoError(t, syscall.Kill(pid, how))
		}
		text := "edit " + strconv.Itoa(i)
		write(t, site, "content/_index.md", "+++\ntitle = \""+text+"\"\n+++\n")
		s.shows("/", text+", made by the first edition")
	}
	assert.Zero(t, s.stop(), s.stderr.String())
}
