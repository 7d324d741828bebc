package browser_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The columns of a table depend on its last row. The server sends the first
// third of a page with a long one, and the rest once the browser has painted
// that; a page that waits for its end is painted later, so that it gets the
// rest after two seconds.
func TestATableThatComesInPiecesMovesNothing(t *testing.T) {
	comesInPieces(t, "/reference/templates/", 1280, func(html []byte) int { return len(html) / 3 })
}

// The button at the end of the bar makes room for itself beside the menu.
func TestABarThatComesInPiecesMovesNothing(t *testing.T) {
	comesInPieces(t, "/404.html", 390, func(html []byte) int { return bytes.Index(html, []byte("<button")) })
}

// comesInPieces looks at a page of the guide whose server has sent it up to cut
// before it goes on.
func comesInPieces(t *testing.T, page string, width int64, cut func(html []byte) int) {
	b := guide(t)
	file := filepath.FromSlash(page)
	if strings.HasSuffix(page, "/") {
		file = filepath.Join(file, "index.html")
	}
	html, err := os.ReadFile(filepath.Join(b.public, file))
	require.NoError(t, err)
	html = bytes.Replace(html, []byte("<meta"), []byte(`<script>requestAnimationFrame(() => requestAnimationFrame(() => fetch("/painted")))</script><meta`), 1)
	first := cut(html)
	require.Positive(t, first)
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
			_, _ = w.Write(html[:first])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-painted:
			case <-time.After(2 * time.Second):
			}
			_, _ = w.Write(html[first:])
		default:
			others.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s := &site{t: t, url: server.URL + below, said: func() string { return "" }}
	s.browse()
	v := s.view(page, screen{width: width, scheme: "light"})
	defer v.close()
	v.noTrouble()
}
