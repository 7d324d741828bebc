package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/fixture"
	"ddc/wake/strategy"
)

// The long forms of the tests of this file and its neighbours: how often
// plugins are to be killed, and hosts.
const (
	envKills  = "DDC_CHAOS_KILLS"
	envDeaths = "DDC_CHAOS_DEATHS"
	envSeed   = "DDC_CHAOS_SEED"
)

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// chaosSites are sites that have something for each plugin to do.
func chaosSites(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"fixture": fixture.Site(t), "example": "../../examples/site"}
}

// child is a build in a process of its own, known by a variable that all its
// descendants inherit.
type child struct {
	*exec.Cmd
	stdout lockedText
	stderr bytes.Buffer

	cookie string
	ended  chan struct{}
	err    error
}

// patience is how long a build may take before it hangs. Forty photographs take
// as long as they take.
func patience(t *testing.T) time.Duration {
	if number(t, envPhotos, 0) > 0 {
		return 3 * time.Hour
	}
	return 5 * time.Minute
}

func startBuild(t *testing.T, environment []string, args ...string) *child {
	t.Helper()
	return startDdc(t, environment, append([]string{"build"}, args...)...)
}

// startDdc starts the program with an environment besides that of the tests.
func startDdc(t *testing.T, environment []string, args ...string) *child {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience(t))
	t.Cleanup(cancel)
	c := &child{Cmd: exec.CommandContext(ctx, program, args...), cookie: fmt.Sprintf("LC_DDCTEST=%d", rand.Uint64()), ended: make(chan struct{})}
	c.Env = append(append(os.Environ(), c.cookie), environment...)
	c.Cmd.Stdout, c.Cmd.Stderr = &c.stdout, &c.stderr
	for _, v := range environment {
		if mischief, ok := strings.CutPrefix(v, envMischief+"="); ok {
			folder, _, _ := strings.Cut(mischief, "|")
			c.Cmd.Stderr = &granting{said: &c.stderr, folder: folder}
		}
	}
	require.NoError(t, c.Start())
	go func() {
		defer close(c.ended)
		c.err = c.Wait()
		if ctx.Err() != nil {
			c.err = fmt.Errorf("it hung: %w", ctx.Err())
		}
	}()
	return c
}

// processes are those of the build, by pid, with their arguments.
func (c *child) processes() map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || !slices.Contains(strings.Split(string(text), "\x00"), c.cookie) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		line, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err == nil && len(line) > 0 { // else it has just ended
			found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return found
}

// running tells of the build's processes, for a wait that fails.
func (c *child) running() string { return fmt.Sprintf("what runs: %v", c.processes()) }

// plugins are the pids of the build's plugins.
func (c *child) plugins() []int {
	var pids []int
	for pid, line := range c.processes() {
		if strings.Contains(line, " plugin ") {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// oldOutput is what an earlier build has left.
func oldOutput(t *testing.T, folder string) map[string]string {
	t.Helper()
	require.NoError(t, os.RemoveAll(folder))
	write(t, folder, ".ddc", "", "index.html", "the last good output")
	return tree(t, folder)
}

// told is how a build says that it gave up: plugin, what it was about (where it
// was about one file), call and cause.
var told = regexp.MustCompile(`error: \w+ plugin(, [^:]+)?: rpc error: code = (Unavailable|Internal) desc = (/ddc\.\w+\.\w+/\w+: given up after \d attempts: plugin \w+(#\d)? (died|was killed)|/ddc\.\w+\.\w+/\w+ panicked: )`)

// chaosWays are the ways to plugins that are processes.
var chaosWays = func() [][]string {
	ways := [][]string{{"--transport", "grpc"}}
	for _, name := range strategy.Names() {
		ways = append(ways, []string{"--wake", name})
	}
	return ways
}()

// schedule makes what happens to one build, from a seed.
type schedule struct{ *rand.Rand }

// acts are a few of what plugins do to themselves.
func (s schedule) acts() []string {
	names := []string{"markdown", "html", "css", "js", "minify", "image", "webp", "jxl", "fonts", "sass", "svgo", "syntax_highlight", "pagefind", "code_execution"}
	what := []string{"kill", "kill", "kill", "exit", "exit", "crash", "crash", "exhaust"}
	if s.IntN(4) == 0 {
		what = []string{"stop", "hang", "panic"}
	}
	var acts []string
	for range 1 + s.IntN(5) {
		acts = append(acts, fmt.Sprintf("%s:%d:%s", names[s.IntN(len(names))], 1+s.IntN(6), what[s.IntN(len(what))]))
	}
	return acts
}

// pursue kills, or stops for a while, plugins of a build from outside, at
// moments between any two instructions.
func (s schedule) pursue(c *child, most int) (kills int) {
	for kills < most {
		select {
		case <-c.ended:
			return kills
		case <-time.After(time.Duration(s.IntN(120)) * time.Millisecond):
		}
		pids := c.plugins()
		if len(pids) == 0 {
			continue
		}
		pid := pids[s.IntN(len(pids))]
		if s.IntN(5) == 0 {
			if syscall.Kill(pid, syscall.SIGSTOP) == nil {
				time.Sleep(time.Duration(s.IntN(40)) * time.Millisecond)
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
			continue
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			kills++
		}
	}
	return kills
}

// Whatever happens to plugins, a build ends with the output that it would have
// had, or with an error that names plugin and call, and then the last output is
// whole. `make chaos` kills five hundred times.
func TestBuildSurvivesWhateverItsPluginsDo(t *testing.T) {
	sites := chaosSites(t)
	wanted := 8
	if testing.Short() {
		wanted = 4
	}
	wanted = number(t, envKills, wanted)
	seed := uint64(number(t, envSeed, 1))
	reference := map[string]map[string]string{}
	outputs := t.TempDir()
	for name, folder := range sites {
		output := filepath.Join(outputs, name)
		o := ddc(t, "build", folder, "-o", output, "--no-code-exec")
		require.Zero(t, o.code, o.stderr)
		reference[name] = tree(t, output)
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range sites {
			if !yield(name) {
				return
			}
		}
	})
	var builds, kills, good, given int
	deeds := map[string]int{}
	for round := 0; kills < wanted; round++ {
		way, name := chaosWays[round%len(chaosWays)], names[round/len(chaosWays)%len(names)]
		run := fmt.Sprintf("round %d of seed %d: %s, %v", round, seed, name, way)
		s := schedule{rand.New(rand.NewPCG(seed, uint64(round)))}
		acts := s.acts()
		tokens, temporary, beside := t.TempDir(), t.TempDir(), t.TempDir()
		output := filepath.Join(beside, "out")
		old := oldOutput(t, output)
		c := startBuild(t, []string{envMischief + "=" + tokens + "|" + strings.Join(acts, ","), "TMPDIR=" + temporary},
			append([]string{sites[name], "-o", output, "--no-code-exec", "--call-timeout", "10s"}, way...)...)
		kills += s.pursue(c, 4)
		<-c.ended
		builds++
		done, err := os.ReadDir(tokens)
		require.NoError(t, err)
		for _, act := range done {
			deeds[act.Name()[strings.LastIndexByte(act.Name(), ':')+1:]]++
		}
		kills += len(done)
		switch code := c.ProcessState.ExitCode(); code {
		case exitOK:
			good++
			assert.Equal(t, reference[name], tree(t, output), "%s: the output differs", run)
		case exitMachinery:
			given++
			assert.Regexp(t, told, c.stderr.String(), run)
			assert.Equal(t, old, tree(t, output), "%s: the last output has changed", run)
		default:
			assert.Fail(t, "the build ended otherwise", "%s: %v, exit code %d\n%s", run, c.err, code, c.stderr.String())
		}
		assert.DirExists(t, output, run)
		var left []string
		// What a plugin that was killed had started ends after it.
		await.Until(t, "nothing to be left of "+run, func() bool {
			left = slices.DeleteFunc(remains(t, c, temporary, beside), func(what string) bool {
				return strings.HasPrefix(filepath.Base(what), "ddc-hang-") // the watchdog's reports stay for the user
			})
			return len(left) == 0
		}, func() string { return fmt.Sprintf("left: %v", left) })
		if t.Failed() {
			t.Fatal("to see it again: " + envSeed + "=" + strconv.FormatUint(seed, 10))
		}
	}
	t.Logf("%d builds survived %d kills: %d with the same output, %d with an error that names plugin and call; plugins did to themselves %v", builds, kills, good, given, deeds)
}

func TestInputThatKillsItsPluginEachTimeIsNamedAndGivenUp(t *testing.T) {
	site := smallSite(t)
	write(t, site, "content/bad.md", "+++\ntitle = \"x\"\n+++\n\n"+poison+"\n")
	c := startBuild(t, []string{envMischief + "=" + t.TempDir() + "|"}, site, "-v")
	<-c.ended
	assert.Equal(t, exitMachinery, c.ProcessState.ExitCode())
	// Any of the plugin's processes may have had the last attempt.
	assert.Regexp(t, `error: markdown plugin, content/bad\.md: .*/ddc\.markdown\.Markdown/\w+: given up after 3 attempts: plugin markdown(#2)? died: .*exit status 2: panic: poisoned`, c.stderr.String())
	assert.NoDirExists(t, filepath.Join(site, "public"))
}
