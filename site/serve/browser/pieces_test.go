package browser_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The columns of a table depend on its last row. The server sends the first third of a
// page with a long one, and the rest once the browser has painted that; a page that
// waits for its end is painted later, so that it gets the rest after two seconds.
func TestATableThatComesInPiecesMovesNothing(t *testing.T) {
	b := guide(t)
	const page = "/reference/templates/"
	html, err := os.ReadFile(filepath.Join(b.public, filepath.FromSlash(page), "index.html"))
	require.NoError(t, err)
	html = bytes.Replace(html, []byte("<meta"), []byte(`<script>requestAnimationFrame(() => requestAnimationFrame(() => fetch("/painted")))</script><meta`), 1)
	origin, err := url.Parse(b.url)
	require.NoError(t, err)
	painted := make(chan struct{})
	var once sync.Once
	others := httputil.NewSingleHostReverseProxy(origin)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/painted":
			once.Do(func() { close(painted) })
		case below + page:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(html[:len(html)/3])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-painted:
			case <-time.After(2 * time.Second):
			}
			_, _ = w.Write(html[len(html)/3:])
		default:
			others.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s := &site{t: t, url: server.URL + below, said: func() string { return "" }}
	s.browse()
	v := s.view(page, screen{1280, "light"})
	defer v.close()
	v.noTrouble()
}
