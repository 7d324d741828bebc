package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"ddc/internal/await"
	"ddc/internal/diagnostic"
	"ddc/plugins/html_diff"
	"ddc/plugins/html_diff/html_diffpb"
	"ddc/site"
	"ddc/site/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// differ is the html_diff plugin, called directly.
type differ struct{ *html_diff.Service }

func (d differ) Diff(ctx context.Context, in *html_diffpb.DiffRequest, _ ...grpc.CallOption) (*html_diffpb.DiffResponse, error) {
	out, err := d.Service.Diff(ctx, in)
	return proto.CloneOf(out), err // as a process would: without the pages that it points into
}

// copied is a site whose files are those of a folder: what is in content/ and
// static/, but for those whose names begin with a dot. A file with the word
// FAULT in it is one.
type copied struct {
	folder, prefix string

	mu        sync.Mutex
	files     map[string]string
	config    string
	refreshed int
	anywhere  []bool        // what Refresh was told
	kept      []bool        // what Keep was told
	searched  bool          // a file of the search was asked for
	hold      chan struct{} // if not nil, Refresh tells entered, and waits for it
	entered   chan struct{}
	meanwhile func()        // if not nil, the next Refresh begins with it
	slow      chan struct{} // if not nil, there are drafts, and File waits for it
	stalls    bool          // the next Routes wait until their context ends
}

var _ serve.Site = (*copied)(nil)

func (c *copied) Sources() serve.Sources {
	return serve.Sources{Root: c.folder, Folders: []string{filepath.Join(c.folder, "content"), filepath.Join(c.folder, "static")},
		Files: []string{filepath.Join(c.folder, ".config", "site")}}
}

func (c *copied) Prefix() string { return c.prefix }

func (c *copied) Refresh(ctx context.Context, _ []string, anywhere bool) (changed []string, err error) {
	c.mu.Lock()
	c.anywhere = append(c.anywhere, anywhere)
	hold, entered, meanwhile := c.hold, c.entered, c.meanwhile
	c.meanwhile, c.stalls = nil, c.stalls && meanwhile != nil // it may have been given up before its check
	c.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	if hold != nil {
		entered <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if text, err := os.ReadFile(filepath.Join(c.folder, ".config", "site")); err == nil && strings.Contains(string(text), "FAULT") {
		return nil, diagnostic.Errors{{File: ".config/site", Line: 1, Message: "is at fault"}}
	} else if err == nil && string(text) != c.config {
		c.config, changed = string(text), []string{".config/site"}
	}
	files := map[string]string{}
	for _, root := range []string{"content", "static"} {
		root = filepath.Join(c.folder, root)
		err := filepath.Walk(root, func(file string, info fs.FileInfo, err error) error {
			if err == nil && info.Mode()&fs.ModeSymlink != 0 {
				if target, failed := os.Stat(file); failed == nil && target.IsDir() {
					entries, _ := os.ReadDir(file)
					for _, e := range entries {
						text, _ := os.ReadFile(filepath.Join(file, e.Name()))
						files[strings.TrimPrefix(filepath.Join(file, e.Name()), root+"/")] = string(text)
					}
					return nil
				}
			}
			if err != nil || info.IsDir() || info.Name()[0] == '.' {
				return nil
			}
			text, err := os.ReadFile(file)
			if err == nil {
				files[strings.TrimPrefix(file, root+"/")] = string(text)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.files == nil // which is all new, and so no change
	for _, all := range []map[string]string{files, c.files} {
		for name := range all {
			if old, was := c.files[name]; !was || old != files[name] || files[name] == "" && old != "" {
				changed = append(changed, "content/"+name)
			}
		}
	}
	c.files, c.refreshed = files, c.refreshed+1
	if first {
		return nil, nil
	}
	return changed, nil
}

func (c *copied) File(ctx context.Context, name string) (*site.File, error) {
	c.mu.Lock()
	slow := c.slow
	c.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.searched = c.searched || site.IsSearch(name)
	text, ok := c.files[name]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case strings.Contains(text, "FAULT"):
		return nil, diagnostic.Errors{{File: name, Line: 3, Col: 5, Message: "is <at> fault", Hint: "mend it"}}
	}
	if strings.HasPrefix(name, "whole/") {
		return &site.File{Name: name, Path: filepath.Join(c.folder, "static", name)}, nil
	}
	return &site.File{Name: name, Data: []byte(text), Hashed: strings.Contains(name, ".hash.")}, nil
}

func (c *copied) Routes(ctx context.Context) ([]site.Route, error) {
	c.mu.Lock()
	stalls := c.stalls
	c.stalls = false
	c.mu.Unlock()
	if stalls {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var routes []site.Route
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		if filepath.Base(name) == "index.html" {
			routes = append(routes, site.Route{URL: "/" + strings.TrimSuffix(name, "index.html"), Name: name})
		}
	}
	return routes, nil
}

func (c *copied) Draft(_ context.Context, name string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Replace(c.files[name], "<p>", "<p>draft of ", 1), c.slow != nil
}

func (c *copied) Absent(_ context.Context, addresses []string) (absent []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range addresses {
		if _, there := c.files[strings.TrimPrefix(at, "/")+"index.html"]; !there {
			absent = append(absent, at)
		}
	}
	return absent, nil
}

func (c *copied) Check(ctx context.Context) (*site.Checked, error) {
	routes, err := c.Routes(ctx)
	if err != nil {
		return nil, err
	}
	found := &site.Checked{}
	for _, route := range routes {
		var faults diagnostic.Errors
		if _, err := c.File(ctx, route.Name); errors.As(err, &faults) {
			found.Faults = append(found.Faults, faults...)
		} else {
			found.Anew = append(found.Anew, route.Name)
		}
	}
	return found, nil
}

func (c *copied) Keep(_ context.Context, last bool) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, last)
	return true, nil
}

func (c *copied) Work() serve.Work {
	c.mu.Lock()
	defer c.mu.Unlock()
	return serve.Work{Pages: c.refreshed}
}

// takesInUnseen has the next Refresh begin with f, whose changes it takes in
// before anybody has seen them, and the check after it last until it is given
// up.
func (c *copied) takesInUnseen(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.meanwhile, c.stalls = f, true
}

// holds has Refresh tell when it is called, and wait until it is released.
func (c *copied) holds() (release func(), entered <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold, c.entered = make(chan struct{}), make(chan struct{}, 100)
	hold := c.hold
	return func() { close(hold) }, c.entered
}

func (c *copied) times() int { return c.Work().Pages }

// server is one that runs, over a folder of its own.
type server struct {
	t       *testing.T
	folder  string
	prefix  string
	site    *copied
	address string // host and port
	changes chan serve.Change
	stop    func()
	tabs    map[*tab]bool // that are open
}

// start serves files, given as path and content in turn, and waits until they
// are ready.
func start(t *testing.T, o serve.Options, files ...string) *server {
	t.Helper()
	s := prepare(t, files...)
	s.run(o)
	s.next("the site to be ready")
	return s
}

// prepare is start, but for the start.
func prepare(t *testing.T, files ...string) *server {
	t.Helper()
	folder := t.TempDir()
	s := &server{t: t, folder: folder, site: &copied{folder: folder}, changes: make(chan serve.Change, 1000), tabs: map[*tab]bool{}}
	t.Cleanup(func() {
		for tab := range s.tabs {
			tab.close()
		}
	})
	require.NoError(t, os.MkdirAll(filepath.Join(s.folder, "content"), 0o777))
	for i := 0; i < len(files); i += 2 {
		s.write(files[i], files[i+1])
	}
	return s
}

// run begins to serve.
func (s *server) run(o serve.Options) {
	s.t.Helper()
	s.site.prefix = s.prefix
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	s.address = l.Addr().String()
	o.Said = func(c serve.Change) { s.changes <- c }
	o.Differ = differ{html_diff.New()}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve.New(s.site, o).Run(ctx, l) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(s.t, await.Value(s.t, "the server to end", ended))
		http.DefaultClient.CloseIdleConnections()
	})
	s.t.Cleanup(s.stop)
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }

func (s *server) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o777))
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o666))
}

// save is write in one step. In two, a busy machine may stop the writer while
// the file is empty, for longer than the server waits: then an empty page is
// shown.
func (s *server) save(name, text string) {
	s.t.Helper()
	beside := s.folder + ".saved"
	require.NoError(s.t, os.WriteFile(beside, []byte(text), 0o666))
	require.NoError(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o777))
	require.NoError(s.t, os.Rename(beside, s.path(name)))
}

// next waits for a change to be told.
func (s *server) next(what string) serve.Change {
	s.t.Helper()
	return await.Value(s.t, what, s.changes)
}

// answer is what a request came to.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask asks for a path, with headers given as name and value in turn.
func (s *server) ask(method, path string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.address+path, nil)
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

func (s *server) get(path string) answer { return s.ask(http.MethodGet, path) }

// shows waits until a path is answered with a status and a text.
func (s *server) shows(path string, status int, text string) {
	s.t.Helper()
	var last answer
	await.Until(s.t, fmt.Sprintf("%s to have %q", path, text), func() bool {
		last = s.get(path)
		return last.status == status && strings.Contains(last.body, text)
	}, func() string { return fmt.Sprint(last.status, " ", last.body) })
}

// update is what an open page is told.
type update struct {
	Reload  bool
	Patches []struct {
		Op, HTML, Name, Value string
		Old                   *string
		Path                  []int
		Names                 []string
	}
	Hash   string
	Swap   []string
	Faults []diagnostic.Problem
	Dead   []string
}

// tab is an open page.
type tab struct {
	s *server
	c *websocket.Conn
}

// open loads a page and connects to the server, as its script does.
func (s *server) open(path string) *tab {
	s.t.Helper()
	page := s.get(path).body
	c, _, err := websocket.Dial(s.t.Context(), "ws://"+s.address+s.prefix+"/__ddc/live", nil)
	require.NoError(s.t, err)
	t := &tab{s, c}
	s.tabs[t] = true
	t.say(between(page, `data-name="`, `"`), between(page, `data-ddc="`, `"`))
	return t
}

func (t *tab) close() {
	delete(t.s.tabs, t)
	_ = t.c.CloseNow() // the server may have closed it
}

func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

func (t *tab) say(name, hash string) {
	t.s.t.Helper()
	text, err := json.Marshal(map[string]string{"name": name, "hash": hash})
	require.NoError(t.s.t, err)
	require.NoError(t.s.t, t.c.Write(t.s.t.Context(), websocket.MessageText, text))
}

// hears waits for an update that is as wanted, and drops those before.
func (t *tab) hears(what string, wanted func(update) bool) update {
	t.s.t.Helper()
	ctx, cancel := context.WithTimeout(t.s.t.Context(), 3*time.Minute)
	defer cancel()
	var heard []string
	for {
		_, text, err := t.c.Read(ctx)
		require.NoError(t.s.t, err, "waited for %s; heard %v", what, heard)
		var u update
		require.NoError(t.s.t, json.Unmarshal(text, &u))
		if wanted(u) {
			return u
		}
		heard = append(heard, string(text))
	}
}

// logger collects what is logged.
func logger() (*slog.Logger, func() string) {
	var mu sync.Mutex
	var out bytes.Buffer
	return slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return out.Write(b)
		}), nil)), func() string {
			mu.Lock()
			defer mu.Unlock()
			return out.String()
		}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// html is a page.
func html(body string) string {
	return "<!DOCTYPE html><html><head><title>T</title></head><body>" + body + "</body></html>"
}
