// Package browser_test opens served pages in a real browser. It is a module of
// its own, so that the product does not depend on what drives the browser.
package browser_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

// program is the ddc under test.
var program string

func TestMain(m *testing.M) {
	if _, err := exec.LookPath("chromium"); err != nil {
		fmt.Println("browser: left out, as there is no chromium:", err)
		return
	}
	folder, err := os.MkdirTemp("", "ddc-browser-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "ddc")
	root, err := filepath.Abs("../../..")
	if err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-tags", "nodynamic", "-o", program, "./cmd/ddc")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	if os.Getenv("DDC_TOOLS") == "" {
		if err := os.Setenv("DDC_TOOLS", filepath.Join(root, ".tools", "bin")); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(await.Watched(m), goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(folder); err != nil {
			panic(err)
		}
		os.Exit(code)
	}))
}

// site is a site that is served, and a browser to look at it.
type site struct {
	t      *testing.T
	folder string
	url    string
	said   func() string
	ctx    context.Context // of the browser; each tab has one of its own

	mu       sync.Mutex
	problems []string // of the browser's console
}

// serve makes the site of ddc init, with files given as path and content in
// turn, and serves it.
func serve(t *testing.T, files ...string) *site {
	t.Helper()
	s := &site{t: t, folder: filepath.Join(t.TempDir(), "site")}
	out, err := exec.CommandContext(t.Context(), program, "init", s.folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for i := 0; i < len(files); i += 2 {
		s.write(files[i], files[i+1])
	}
	s.start()
	s.browse()
	return s
}

func (s *site) start() {
	s.t.Helper()
	c := exec.CommandContext(context.WithoutCancel(s.t.Context()), program, "serve", s.folder, "--port", "0", "--no-cache")
	var mu sync.Mutex
	var said strings.Builder
	s.said = func() string {
		mu.Lock()
		defer mu.Unlock()
		return said.String()
	}
	out, err := c.StdoutPipe()
	require.NoError(s.t, err)
	c.Stderr = c.Stdout // errors and lines in their order
	require.NoError(s.t, c.Start())
	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			line := lines.Text()
			if url, _, ok := strings.Cut(line, "/ is ready"); ok {
				ready <- url
			}
			mu.Lock()
			said.WriteString(line + "\n")
			mu.Unlock()
		}
	}()
	s.t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended
		await.Closed(s.t, "the server to end", ended, s.said)
		assert.NoError(s.t, c.Wait(), s.said())
	})
	s.url = await.Value(s.t, "the server to be ready", ready, s.said)
}

func (s *site) browse() {
	s.t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath("chromium"), chromedp.WindowSize(800, 600))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	s.t.Cleanup(func() {
		end()
		cancel()
		chromedp.FromContext(ctx).Allocator.Wait()
	})
	require.NoError(s.t, chromedp.Do(ctx))
	s.ctx = ctx
}

func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o666))
}

func (s *site) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, name))
	require.NoError(s.t, err)
	return string(text)
}

// tab is a tab of the browser.
type tab struct {
	s     *site
	ctx   context.Context
	close func()
}

// open opens a page in a tab of its own, and waits until its script is
// connected.
func (s *site) open(path string) *tab {
	s.t.Helper()
	t := s.newTab()
	t.run(chromedp.Navigate(s.url + path))
	t.until("the script to be done", `!document.querySelector("script[data-ddc]")`)
	return t
}

// newTab opens a tab, and notes what its console says.
func (s *site) newTab() *tab {
	s.t.Helper()
	ctx, cancel := chromedp.NewContext(s.ctx)
	t := &tab{s: s, ctx: ctx}
	require.NoError(s.t, chromedp.Do(ctx))
	ended := make(chan struct{})
	messages := chromedp.Console(ctx)
	go func() {
		defer close(ended)
		for message, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			if message.IsException() || message.Type == chromedp.ConsoleError {
				s.mu.Lock()
				s.problems = append(s.problems, message.String()+" "+message.URL)
				s.mu.Unlock()
			}
		}
	}()
	t.close = sync.OnceFunc(func() {
		cancel()
		await.Closed(s.t, "the tab's console to end", ended)
	})
	s.t.Cleanup(t.close)
	return t
}

func (t *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	t.s.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, time.Minute)
	defer cancel()
	require.NoError(t.s.t, chromedp.Do(ctx, actions...), t.s.said())
}

// eval gives what an expression is in the page.
func eval[T any](t *tab, expression string) T {
	t.s.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, time.Minute)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(t.s.t, err, "%s\n%s", expression, t.s.said())
	return value
}

// does runs statements in the page.
func (t *tab) does(statements string) {
	t.s.t.Helper()
	eval[bool](t, "(() => { "+statements+"; return true })()")
}

// until waits for an expression to be true. A page that is being loaded has no
// answer.
func (t *tab) until(what, expression string) {
	t.s.t.Helper()
	await.Until(t.s.t, what, func() bool {
		ctx, cancel := context.WithTimeout(t.ctx, 20*time.Second)
		defer cancel()
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && holds
	}, func() string { return eval[string](t, "document.documentElement.outerHTML") }, t.s.said)
}

// noProblems claims that the browser's console has no error.
func (s *site) noProblems() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Empty(s.t, s.problems)
}

// tree writes a page's tree so that equal trees, and no others, are equal.
const tree = `(function tree(n) {
	if (n.localName === "ddc-faults") return "";
	let own = n.nodeType + " " + (n.localName ?? n.nodeName) + " " + (n.namespaceURI ?? "") + JSON.stringify(n.data ?? "");
	if (n.attributes) own += [...n.attributes].map((a) => " " + a.namespaceURI + a.name + "=" + JSON.stringify(a.value)).sort().join("");
	const below = [...(n.localName === "template" ? n.content.childNodes : n.childNodes)].map(tree);
	return own + "(" + below.join("") + ")";
})(document)`
