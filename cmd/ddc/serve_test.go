package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/proc"
)

// serving is a ddc serve in a process of its own.
type serving struct {
	t      *testing.T
	site   string
	url    string
	lines  chan string // of standard output
	stderr *lockedText
	cmd    *exec.Cmd
	ended  chan error
}

type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startServing serves a site and waits until it is ready.
func startServing(t *testing.T, site string, flags ...string) *serving {
	t.Helper()
	s := &serving{t: t, site: site, lines: make(chan string, 1000), stderr: &lockedText{}, ended: make(chan error, 1)}
	s.start(flags...)
	line := s.line("the site to be ready")
	s.url = strings.Fields(line)[0]
	if strings.HasPrefix(line, "{") {
		var ready struct{ URL string }
		require.NoError(t, json.Unmarshal([]byte(line), &ready), line)
		s.url = ready.URL
	}
	s.url = strings.TrimSuffix(s.url, "/")
	return s
}

func (s *serving) start(flags ...string) {
	s.t.Helper()
	program, err := os.Executable()
	require.NoError(s.t, err)
	s.cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), program, append([]string{"serve", s.site, "--port", "0"}, flags...)...)
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, s.cmd.Start())
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			s.lines <- lines.Text()
		}
		s.ended <- s.cmd.Wait()
	}()
	s.t.Cleanup(func() { s.stop() })
}

// stop interrupts the server, unless it has ended, and gives its exit code.
func (s *serving) stop() int {
	s.t.Helper()
	_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended
	err := await.Value(s.t, "the server to end", s.ended, s.stderr.String)
	s.ended <- err
	return s.cmd.ProcessState.ExitCode()
}

func (s *serving) line(what string) string {
	s.t.Helper()
	return await.Value(s.t, what, s.lines, s.stderr.String)
}

func (s *serving) get(path string) (status int, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err, s.stderr.String())
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, string(text)
}

// shows waits for a text at a path.
func (s *serving) shows(path, text string) {
	s.t.Helper()
	last := ""
	await.Until(s.t, path+" to show "+strconv.Quote(text), func() bool {
		_, last = s.get(path)
		return strings.Contains(last, text)
	}, func() string { return last + s.stderr.String() })
}

func TestNewUserSeesAnEditOfTheFirstPage(t *testing.T) {
	site := smallSite(t)
	nothingLeft(t, filepath.Dir(site))
	s := startServing(t, site)
	status, page := s.get("/")
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "/__ddc/client.js")
	source, err := os.ReadFile(filepath.Join(site, "content/_index.md"))
	require.NoError(t, err)
	write(t, site, "content/_index.md", string(source)+"\nAn *edit*.\n")
	assert.Regexp(t, `^content/_index\.md: \d+ pages?, \d+ calls?, \d+ ms$`, s.line("the change"))
	s.shows("/", "An <em>edit</em>.")
	assert.Zero(t, s.stop(), s.stderr.String())
	assert.NoDirExists(t, filepath.Join(site, "public"), "a server writes no output")
	assert.NotContains(t, s.stderr.String(), "hangs: ")
}

func TestServerOutlivesKilledAndStoppedPlugins(t *testing.T) {
	inOtherProcesses(t)
	site := smallSite(t)
	s := startServing(t, site)
	s.get("/") // which starts plugins
	for i, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		for _, pid := range pluginsOf(t, s.cmd.Process.Pid) {
			require.NoError(t, syscall.Kill(pid, how))
			if how == syscall.SIGSTOP {
				require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
			}
		}
		text := "edit " + strconv.Itoa(i)
		write(t, site, "content/_index.md", "+++\ntitle = \"A\"\n+++\n"+text+"\n")
		s.shows("/", text)
	}
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	write(t, site, "content/_index.md", "+++\ntitle = \"A\"\n+++\nwhile it slept\n")
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT))
	s.shows("/", "while it slept")
	assert.Zero(t, s.stop(), s.stderr.String())
}

// pluginsOf are ddc's own plugins of a host.
func pluginsOf(t *testing.T, host int) []int {
	t.Helper()
	return childrenOf(t, host, "\x00plugin\x00")
}

// childrenOf are the processes that a host has started with such a command, one
// at least.
func childrenOf(t *testing.T, host int, with string) []int {
	t.Helper()
	pids := childrenSoFar(t, host, with)
	require.NotEmpty(t, pids)
	return pids
}

// childrenSoFar is childrenOf of a host that may have none yet.
func childrenSoFar(t *testing.T, host int, with string) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/" + strconv.Itoa(host) + "/task/*/children")
	require.NoError(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(text)) {
			command, err := os.ReadFile("/proc/" + word + "/cmdline")
			pid, failed := strconv.Atoi(word)
			if err == nil && failed == nil && strings.Contains(string(command), with) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func TestPortThatIsTakenIsAnErrorOrSaid(t *testing.T) {
	site := smallSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	o := ddc(t, "serve", site, "--port", strconv.Itoa(port))
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "address already in use")
	assert.Contains(t, o.stderr, "process "+strconv.Itoa(os.Getpid()), "who has it")

	// The default port may be anybody's: if it is free, it is taken here.
	if l, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
		defer l.Close()
	}
	var said strings.Builder
	out := newPrinter(screenOf(io.Discard), screenOf(&said), buildFlags{})
	d, err := listen(t.Context(), serveFlags{port: defaultPort}, out)
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.close()) }()
	assert.NotContains(t, d.url, ":8080/")
	assert.Contains(t, said.String(), "port 8080 is taken")
}

// What localhost means differs: 127.0.0.1 to one program, ::1 to another.
func TestServerListensOnBothOfTheMachinesOwnAddresses(t *testing.T) {
	out := printerOf(newServe(), buildFlags{})
	d, err := listen(t.Context(), serveFlags{port: 0, portGiven: true}, out)
	require.NoError(t, err)
	defer func() { assert.NoError(t, d.close()) }()
	port := d.listeners[0].Addr().(*net.TCPAddr).Port
	assert.Equal(t, "http://localhost:"+strconv.Itoa(port)+"/", d.url)
	assert.True(t, d.listeners[0].Addr().(*net.TCPAddr).IP.Equal(net.IPv4(127, 0, 0, 1)))
	six, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		assert.Len(t, d.listeners, 1, "a machine without IPv6")
		return
	}
	require.NoError(t, six.Close())
	require.Len(t, d.listeners, 2)
	assert.Equal(t, "[::1]:"+strconv.Itoa(port), d.listeners[1].Addr().String())
	for host, want := range map[string]string{"0.0.0.0": "http://localhost:", "127.0.0.2": "http://localhost:"} {
		d, err := listen(t.Context(), serveFlags{port: 0, portGiven: true, hosts: []string{host, "name.test"}}, out)
		require.NoError(t, err)
		assert.Len(t, d.listeners, 1, host)
		assert.Contains(t, d.url, want)
		require.NoError(t, d.close())
	}
}

// Ctrl-C ends a server though pages are open and requests under way, and
// nothing stays: no process, no folder. net/http's own way to end waits for the
// former for ever.
func TestInterruptEndsAServerWithPagesOpen(t *testing.T) {
	inOtherProcesses(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	s := startServing(t, smallSite(t), "--all-plugins")
	s.shows("/", "/__ddc/client.js")
	for range 7 {
		c, _, err := websocket.Dial(t.Context(), s.url+"/__ddc/live", nil)
		require.NoError(t, err)
		defer func() { _ = c.CloseNow() }() // the server closes it
		require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte(`{"name":"index.html","hash":""}`)))
		_, _, err = c.Read(t.Context())
		require.NoError(t, err)
	}
	half, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer half.Close()
	_, err = io.WriteString(half, "GET / HTTP/1.1\r\nHost: localhost\r\n") // and no more
	require.NoError(t, err)
	children := childrenSoFar(t, s.cmd.Process.Pid, "\x00plugin\x00")
	require.NotEmpty(t, children)
	assert.Zero(t, s.stop(), s.stderr.String())
	for _, pid := range children {
		stat, err := proc.Of(pid)
		assert.True(t, err != nil || stat.Ended(), "a plugin has outlived its server")
	}
	left, err := filepath.Glob(filepath.Join(temporary, "ddc*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestServeRefusesWrongFlags(t *testing.T) {
	site := smallSite(t)
	for _, flags := range [][]string{{"--port", "70000"}, {"--port", "-1"}, {"--port", "0", "--host", "203.0.113.77"}, {"--port", "0", "--wake", "wave"}} {
		o := ddc(t, append([]string{"serve", site}, flags...)...)
		assert.Equal(t, exitUsage, o.code, "%v: %s", flags, o.stderr)
	}
	o := ddc(t, "serve", t.TempDir(), "--port", "0")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "no configuration found")
}

func TestServerIsSeenFromOutside(t *testing.T) {
	inOtherProcesses(t)
	s := startServing(t, smallSite(t), "--all-plugins")
	var o outcome
	await.Until(t, "nothing to be wrong, as it may seem for a while on a busy machine", func() bool {
		o = ddc(t, "inspect", strconv.Itoa(s.cmd.Process.Pid))
		return o.code == 0
	}, func() string { return o.stdout + o.stderr })
	for _, name := range []string{"markdown", "html_diff"} {
		assert.Contains(t, o.stdout, name)
	}
	s.shows("/", "/__ddc/client.js") // markdown has answered, and so it listens for signals
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGUSR1))
	await.Until(t, "host and plugins to say what they do", func() bool {
		said := s.stderr.String()
		return strings.Contains(said, "plugin markdown: in its own words")
	}, s.stderr.String)
	assert.Zero(t, s.stop(), s.stderr.String())
}
