package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/fixture"
)

// workerProcess is a worker in a process of its own.
type workerProcess struct {
	*exec.Cmd
	address string
	begun   chan string // each call that begins, and each that has ended
	ended   chan struct{}

	mu   sync.Mutex
	said bytes.Buffer
}

var callLine = regexp.MustCompile(`msg="call (begins|ends)" plugin=(\w+)`)

func startWorker(t *testing.T, args ...string) *workerProcess {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	w := &workerProcess{begun: make(chan string, 100_000), ended: make(chan struct{})}
	w.Cmd = exec.CommandContext(context.Background(), program, append([]string{"worker", "--json", "-v"}, args...)...)
	stdout, err := w.StdoutPipe()
	require.NoError(t, err)
	stderr, err := w.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, w.Start())
	t.Cleanup(func() {
		_ = w.Process.Kill() // it may have ended
		<-w.ended
		if t.Failed() {
			t.Logf("worker %s said:\n%s", w.address, w.text())
		}
	})
	lines := make(chan string, 1)
	var read sync.WaitGroup
	read.Go(func() {
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	})
	read.Go(func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			w.mu.Lock()
			w.said.WriteString(s.Text() + "\n")
			w.mu.Unlock()
			if m := callLine.FindStringSubmatch(s.Text()); m != nil {
				w.begun <- m[2] + " " + m[1]
			}
		}
	})
	go func() {
		defer close(w.ended)
		read.Wait()
		_ = w.Wait() // the test looks at ProcessState
	}()
	var ready struct{ Address string }
	line := await.Value(t, "the worker to be ready", lines, w.text)
	require.NoError(t, json.Unmarshal([]byte(line), &ready), "%q %s", line, w.text())
	w.address = ready.Address
	return w
}

func (w *workerProcess) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

// elsewhere are plugins that need only what Go brings, and one that drives a
// program.
const elsewhere = "image,webp,jxl,fonts,markdown,html,css,js,minify,svgo,syntax_highlight"

// Two workers of one name, over TLS, and one is killed under a call.
func TestASiteComesOutTheSameOverWorkersOfWhichOneIsKilled(t *testing.T) {
	site, outputs := fixture.Site(t), t.TempDir()
	here := filepath.Join(outputs, "here")
	o := ddc(t, "build", site, "-o", here)
	require.Zero(t, o.code, o.stderr)

	certificates := fixture.Certificates(t, "workers.test")
	first := startWorker(t, "--listen", "127.0.0.1:0", "--plugins", elsewhere, "--tls", certificates)
	_, port, err := net.SplitHostPort(first.address)
	require.NoError(t, err)
	second := startWorker(t, "--listen", "127.0.0.2:"+port, "--plugins", elsewhere, "--tls", certificates)
	target := "dns://" + fixture.Names(t, "127.0.0.1", "127.0.0.2") + "/workers.test:" + port
	flags := []string{"--remote", elsewhere + "=" + target, "--tls", certificates, "--json", "--no-code-exec"}

	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for call := range first.begun {
			if strings.HasSuffix(call, " begins") {
				_ = first.Process.Kill() // while the call is under way
				return
			}
		}
	}()
	there := filepath.Join(outputs, "there")
	// The second worker may be reached first, and have answered all that a
	// build asks before there is a connection to the other.
	await.Until(t, "a call to reach the first worker", func() bool {
		o = ddc(t, append([]string{"build", site, "-o", there}, flags...)...)
		require.Zero(t, o.code, o.stdout+o.stderr)
		select {
		case <-killed:
			return true
		default:
			return false
		}
	}, first.text)
	require.Zero(t, ddc(t, "build", site, "-o", here, "--no-code-exec").code)
	assert.Equal(t, tree(t, here), tree(t, there))

	for _, p := range decodeReport(t, o).Plugins {
		if !slices.Contains(strings.Split(elsewhere, ","), p.Name) {
			assert.Empty(t, p.Remote, p.Name)
			assert.NotZero(t, p.PID, p.Name)
			continue
		}
		assert.Equal(t, target, p.Remote, p.Name)
		assert.Equal(t, "none", p.Wake)
		assert.Zero(t, p.PID, p.Name)
		assert.NotZero(t, p.Calls, p.Name)
		assert.Zero(t, p.Errors, p.Name)
		assert.NotZero(t, p.BytesIn, p.Name)
		assert.NotZero(t, p.BytesOut, p.Name)
	}
	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	await.Closed(t, "the second worker to end", second.ended, second.text)
	assert.Zero(t, second.ProcessState.ExitCode())
}

// An answer that was made here is not asked of a worker again, nor is a
// worker's made again here.
func TestAnswersAreRememberedWhereverTheyWereMade(t *testing.T) {
	t.Setenv(rememberVariable, t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	site, outputs := fixture.Site(t), t.TempDir()
	socket := filepath.Join(t.TempDir(), "s")
	startWorker(t, "--listen", "unix:"+socket, "--plugins", "image,webp,jxl,fonts,svgo")
	first := ddc(t, "build", site, "-o", filepath.Join(outputs, "there"), "--no-code-exec", "--json", "--remote", "image,webp=unix:"+socket, "--remote", "jxl,fonts,svgo=unix:"+socket)
	require.Zero(t, first.code, first.stdout+first.stderr)
	assert.Zero(t, decodeReport(t, first).Answers.Remembered)
	second := ddc(t, "build", site, "-o", filepath.Join(outputs, "here"), "--no-code-exec", "--json")
	require.Zero(t, second.code, second.stdout+second.stderr)
	a := decodeReport(t, second).Answers
	assert.Equal(t, a.Asked, a.Remembered)
	assert.NotZero(t, a.Asked)
	assert.Equal(t, tree(t, filepath.Join(outputs, "here")), tree(t, filepath.Join(outputs, "there")))
}

func TestAWorkersFaultNamesTheSitesFile(t *testing.T) {
	site := smallSite(t)
	write(t, site, "content/bad.md", "+++\ntitle = \n+++\n")
	socket := filepath.Join(t.TempDir(), "s")
	startWorker(t, "--listen", "unix:"+socket, "--plugins", "markdown")
	there := ddc(t, "build", site, "--remote", "markdown=unix:"+socket)
	here := ddc(t, "build", site)
	assert.Equal(t, exitSite, there.code)
	assert.Equal(t, here.stderr, there.stderr)
	assert.Contains(t, there.stderr, "content/bad.md:2:")
}

func TestWhatCannotBeRemoteIsRefusedBeforeAnythingIsDone(t *testing.T) {
	site := smallSite(t)
	for want, args := range map[string][]string{
		"the plugin code_execution cannot run on another machine: it runs the site's code samples": {"--remote", "code_execution=unix:x"},
		"the plugin linkcheck cannot run on another machine: it asks the internet":                 {"--remote", "image,linkcheck=unix:x"},
		`unknown plugin "imag"`:                           {"--remote", "imag=unix:x"},
		"plugin image is named twice":                     {"--remote", "image=unix:x", "--remote", "webp,image=unix:y"},
		`"image": write NAME=TARGET`:                      {"--remote", "image"},
		`"workers" is no target`:                          {"--remote", "image=workers"},
		"both ends must show certificates (--tls FOLDER)": {"--remote", "image=dns:///workers:7443"},
		"--tls-key is missing":                            {"--remote", "image=dns:///workers:7443", "--tls-cert", "x"},
		"nothing is --remote":                             {"--tls", "x"},
	} {
		o := ddc(t, append([]string{"build", site}, args...)...)
		assert.Equal(t, exitUsage, o.code, want)
		assert.Contains(t, o.stderr, want)
	}
	for want, args := range map[string][]string{
		"--listen is missing":  {},
		"--plugins is missing": {"--listen", "unix:x"},
		"the plugin code_execution cannot run on another machine": {"--listen", "unix:x", "--plugins", "code_execution"},
		"missing port in address: write HOST:PORT or unix:PATH":   {"--listen", "worker", "--plugins", "image"},
		"both ends must show certificates (--tls FOLDER)":         {"--listen", "0.0.0.0:0", "--plugins", "image"},
		"--drain 2h0m0s": {"--listen", "unix:x", "--plugins", "image", "--drain", "2h"},
	} {
		o := ddc(t, append([]string{"worker"}, args...)...)
		assert.Equal(t, exitUsage, o.code, want)
		assert.Contains(t, o.stderr, want)
	}
	assert.NoDirExists(t, filepath.Join(site, "public"))
}

func TestNoWorkerIsSaidAndEndsABuild(t *testing.T) {
	site := smallSite(t)
	socket := filepath.Join(t.TempDir(), "none")
	w := startWorker(t, "--listen", "unix:"+socket, "--plugins", "image")
	o := ddc(t, "build", site, "--remote", "webp=unix:"+socket)
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "does not run the plugin webp (worker --plugins)")
	assert.Zero(t, ddc(t, "worker", "health", "unix:"+socket).code)
	require.NoError(t, w.Process.Signal(syscall.SIGTERM))
	await.Closed(t, "the worker to end", w.ended, w.text)
	o = ddc(t, "worker", "health", "--within", "100ms", "unix:"+socket)
	assert.Equal(t, exitMachinery, o.code)
	assert.NoDirExists(t, filepath.Join(site, "public"))
}

// The manifests call the program as it is.
func TestDeploymentCallsTheWorkerAsItIs(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes/deployment.yaml")
	require.NoError(t, err)
	called := regexp.MustCompile(`(?m)^ +- (--[a-z]+)=(\S+)$`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, called)
	worker := newWorker()
	for _, m := range called {
		require.NoError(t, worker.ParseFlags([]string{m[1] + "=" + m[2]}), m[0])
	}
	names, err := worker.Flags().GetStringSlice("plugins")
	require.NoError(t, err)
	_, err = remotable("--plugins", names)
	assert.NoError(t, err)
	probe := regexp.MustCompile(`command: \[/usr/local/bin/ddc, worker, health, (--tls=\S+), "(\S+)"\]`).FindStringSubmatch(string(text))
	require.NotNil(t, probe)
	health, args, err := worker.Find([]string{"health", probe[1], probe[2]})
	require.NoError(t, err)
	assert.NoError(t, health.ParseFlags(args))
}
