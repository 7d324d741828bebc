package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/wake/strategy"
)

// waitingBuild is a build in a process of its own, whose linkcheck waits for an
// answer that does not come. Its standard output is there once it has ended.
func waitingBuild(t *testing.T, flags ...string) (build *exec.Cmd, answer func(), stdout *bytes.Buffer) {
	t.Helper()
	asked, answered := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-answered:
		case <-r.Context().Done():
		case <-time.After(5 * time.Second): // each request has ten, and a test on a busy machine needs more
			http.Redirect(w, r, "/", http.StatusFound)
		}
	}))
	t.Cleanup(server.Close)
	site := smallSite(t)
	write(t, site, "content/link.md", "+++\ntitle = \"a\"\n+++\n[a]("+server.URL+")\n")
	program, err := os.Executable()
	require.NoError(t, err)
	build = exec.CommandContext(t.Context(), program, append([]string{"build", site, "--check-links"}, flags...)...)
	stdout = &bytes.Buffer{}
	build.Stdout, build.Stderr = stdout, os.Stderr
	require.NoError(t, build.Start())
	t.Cleanup(func() {
		if build.ProcessState == nil {
			_ = build.Process.Kill()
			_ = build.Wait()
		}
	})
	<-asked
	return build, func() { close(answered) }, stdout
}

type seenLink struct {
	Name, Diagnosis, Wake string
	Plugin                struct{ PID int }
	ToPlugin              struct {
		Bell struct{ Token string }
	} `json:"to_plugin"`
	Calls []struct{ Method string }
}

// inspected runs ddc inspect, and gives what it says of linkcheck's link.
func inspected(t *testing.T, target string) (l seenLink, code int) {
	t.Helper()
	o := ddc(t, "inspect", "--json", target)
	var report struct{ Links []seenLink }
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &report), "%s %s", o.stdout, o.stderr)
	healthy := !slices.ContainsFunc(report.Links, func(l seenLink) bool { return l.Diagnosis != "healthy" })
	assert.True(t, !healthy || o.code == 0, "nothing is wrong: %s", o.stdout)
	for _, l := range report.Links {
		if l.Name == "linkcheck" {
			return l, o.code
		}
	}
	t.Fatalf("linkcheck is not among %s", o.stdout)
	return l, 0
}

func sendSignal(t *testing.T, pid int, s syscall.Signal, until string) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, s))
	await.Until(t, fmt.Sprintf("process %d to be in one of the states %q", pid, until), func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return until == ""
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return strings.Contains(until, rest[:1])
	})
}

func TestInspectSeesABuildFromOutside(t *testing.T) {
	for i, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			if i > 0 && testing.Short() {
				t.Skip("a strategy has been looked at")
			}
			build, answer, stdout := waitingBuild(t, "--json", "--wake", name)
			pid := strconv.Itoa(build.Process.Pid)
			l, code := inspected(t, pid)
			// A call that has been under way for five seconds counts as stuck,
			// and on a busy machine it may have been.
			assert.Regexp(t, `^(healthy|handler stuck: linkcheck since \d+ s in Check.*)$`, l.Diagnosis)
			assert.True(t, l.Diagnosis == "healthy" || code == exitSite)
			assert.Equal(t, name, l.Wake)
			assert.Equal(t, "none", l.ToPlugin.Bell.Token, "the kernel was asked")
			require.Len(t, l.Calls, 1)
			assert.Contains(t, l.Calls[0].Method, "Linkcheck")

			ofPlugin, _ := inspected(t, strconv.Itoa(l.Plugin.PID))
			assert.Equal(t, l.Plugin, ofPlugin.Plugin, "a plugin's hub is its host's")
			o := ddc(t, "inspect", "--json", pid, strconv.Itoa(l.Plugin.PID), strconv.Itoa(os.Getppid()))
			assert.Equal(t, 1, strings.Count(o.stdout, `"ring_cells"`), "one hub, however it is found")

			sendSignal(t, l.Plugin.PID, syscall.SIGSTOP, "T")
			l, code = inspected(t, pid)
			assert.Equal(t, "stopped (plugin, process "+strconv.Itoa(l.Plugin.PID)+", was stopped by a signal)", l.Diagnosis)
			assert.Equal(t, exitSite, code)
			sendSignal(t, build.Process.Pid, syscall.SIGSTOP, "T")
			l, _ = inspected(t, pid)
			assert.Equal(t, "stopped (host, process "+pid+", was stopped by a signal)", l.Diagnosis)

			// A dead plugin of a stopped host: nobody has buried it yet.
			sendSignal(t, l.Plugin.PID, syscall.SIGKILL, "Z")
			l, _ = inspected(t, pid)
			assert.Contains(t, l.Diagnosis, "peer dead (plugin, process ")

			hub := hubOf(t, pid)
			file := filepath.Join(t.TempDir(), "hub")
			copyFile(t, hub, file)
			l, _ = inspected(t, file)
			assert.Len(t, l.Calls, 1, "a copy is as good, but for the processes")

			sendSignal(t, build.Process.Pid, syscall.SIGCONT, "RSD")
			answer()
			require.NoError(t, build.Wait())
			assert.Empty(t, decodeReport(t, outcome{stdout: stdout.String()}).Hangs)
		})
	}
}

func hubOf(t *testing.T, pid string) string {
	t.Helper()
	found, err := filepath.Glob("/proc/" + pid + "/fd/*")
	require.NoError(t, err)
	for _, path := range found {
		if target, _ := os.Readlink(path); strings.HasPrefix(target, "/memfd:ddc-hub") {
			return path
		}
	}
	t.Fatal("no hub")
	return ""
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}

func TestInspectWatchesUntilTheBuildHasEnded(t *testing.T) {
	build, answer, _ := waitingBuild(t)
	pid := strconv.Itoa(build.Process.Pid)
	var screens, stderr lockedText
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"inspect", "--watch", "-v", "--interval", "50ms", pid}, &screens, &stderr)
	}()
	// A build that has ended before the first look cannot be looked at.
	await.Until(t, "a look at the build", func() bool { return strings.Contains(screens.String(), "linkcheck") || len(ended) > 0 }, stderr.String)
	answer()
	require.NoError(t, build.Wait())
	assert.Zero(t, await.Value(t, "the watch to end", ended, screens.String), stderr.String())
}

func TestInspectSaysWhatItCannotLookAt(t *testing.T) {
	o := ddc(t, "inspect", strconv.Itoa(os.Getppid()))
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "neither a build nor a plugin of one")
	file := filepath.Join(t.TempDir(), "nothing")
	require.NoError(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	o = ddc(t, "inspect", file)
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "do not speak the same hub layout")
	assert.Equal(t, exitUsage, ddc(t, "inspect").code)
}

// Calls by gRPC leave no trace in shared memory, and a look must not end in
// silence.
func TestInspectSaysThatABuildByGRPCHasNoHub(t *testing.T) {
	build, answer, stdout := waitingBuild(t, "--transport", "grpc", "-v")
	o := ddc(t, "inspect", strconv.Itoa(build.Process.Pid))
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "no hub found")
	assert.Contains(t, o.stderr, "a build without shared memory (--transport grpc or inproc)")
	answer()
	require.NoError(t, build.Wait())
	assert.Contains(t, stdout.String(), "plugins, gRPC)")
	assert.Regexp(t, `linkcheck +none +\d+ `, stdout.String())
}

func TestATraceOfABuildIsJSON(t *testing.T) {
	site := smallSite(t)
	file := filepath.Join(t.TempDir(), "trace.json")
	o := ddc(t, "build", site, "--trace", file)
	require.Zero(t, o.code, o.stderr)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var marks []struct{ Ph string }
	require.NoError(t, json.Unmarshal(text, &marks))
	assert.Greater(t, len(marks), 20)
	for _, transport := range []string{"inproc", "grpc"} {
		assert.Equal(t, exitUsage, ddc(t, "build", site, "--trace", file, "--transport", transport).code)
	}
	assert.Equal(t, exitUsage, ddc(t, "build", site, "--on-hang", "ignore").code)
}

func TestABuildTellsACollectorOfItsCalls(t *testing.T) {
	told := make(chan string, 1000)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.URL.Path }))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	site := smallSite(t)
	o := ddc(t, "build", site)
	require.Zero(t, o.code, o.stderr)
	paths := map[string]bool{}
	for len(told) > 0 {
		paths[<-told] = true
	}
	assert.Equal(t, map[string]bool{"/v1/traces": true, "/v1/metrics": true}, paths)

	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	o = ddc(t, "build", site)
	assert.Zero(t, o.code, "nobody to tell is no reason to fail")
	assert.Contains(t, o.stderr, "telemetry")
}
