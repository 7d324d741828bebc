package serve_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/serve"
)

func TestPageIsTheSitesButForOneScript(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"), "content/a/b/index.html", html("below"))
	for path, up := range map[string]string{"/": ".", "/a/b/": "./../.."} {
		got := s.get(path)
		assert.Equal(t, 200, got.status)
		tag := "<script" + between(got.body, "<script", "</script>") + "</script>"
		assert.Contains(t, tag, `src="`+up+`/__ddc/client.js"`, "it works below any folder of a proxy")
		without := strings.Replace(got.body, tag, "", 1)
		assert.Contains(t, []string{html("home"), html("below")}, without)
		assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
		assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	}
	script := s.get("/__ddc/client.js")
	assert.Equal(t, 200, script.status)
	assert.Contains(t, script.header.Get("Content-Type"), "text/javascript")
}

func TestAddressesAreThoseOfTheDeployedSite(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"), "content/ä b/100%+/index.html", html("odd"), "static/a.txt", "text", "static/dir/x.html", html("made"), "static/whole/y.html", html("copied"))
	assert.Contains(t, s.get("/%C3%A4%20b/100%25+/").body, "odd")
	assert.Contains(t, s.get("/index.html").body, "home")
	assert.Contains(t, s.get("/dir/x.html").body, ">made")
	assert.Contains(t, s.get("/whole/y.html").body, ">copied")
	assert.Contains(t, s.get("/whole/y.html").body, "client.js", "it is followed as any page is")
	without := s.get("/%C3%A4%20b/100%25+?q=1")
	assert.Equal(t, 302, without.status)
	assert.Equal(t, "./100%25+/?q=1", without.header.Get("Location"))
	assert.Equal(t, "no-store", without.header.Get("Cache-Control"))
	for _, outside := range []string{"/../a.txt", "/%2e%2e/a.txt", "/..%2fa.txt", "/%252e%252e/a.txt", "//a.txt", "/./a.txt", "/dir/../a.txt", "/a.txt/", "/a.txt%00", `/..\a.txt`, "/content/index.html", "/.config/site"} {
		assert.NotEqual(t, 200, s.get(outside).status, outside)
	}
}

func TestUnknownAddressOffersTheNearest(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"), "content/guide/intro/index.html", html("x"), "content/other/index.html", html("y"))
	got := s.get("/guide/intor/")
	assert.Equal(t, 404, got.status)
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
	first := between(got.body, "<li>", "</li>")
	assert.Contains(t, first, ">/guide/intro/<")
	assert.Contains(t, got.body, "/__ddc/client.js", "it comes to life once there is a page")
	hostile := s.get("/%3Cscript%3Ealert(1)%3C/script%3E/")
	assert.Equal(t, 404, hostile.status)
	assert.NotContains(t, hostile.body, "<script>alert")
	assert.NotContains(t, s.ask(http.MethodGet, "/no.css", "Sec-Fetch-Dest", "style").body, "<html", "a style sheet is no page")
}

func TestFilesHaveTypesRangesAndCaching(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"),
		"static/a.hash.css", "p{}", "static/v.mp4", "0123456789", "static/a.mjs", "x", "static/b.wasm", "x", "static/c.jxl", "x", "static/d.woff2", "x")
	for name, kind := range map[string]string{"a.hash.css": "text/css; charset=utf-8", "v.mp4": "video/mp4", "a.mjs": "text/javascript; charset=utf-8", "b.wasm": "application/wasm", "c.jxl": "image/jxl", "d.woff2": "font/woff2"} {
		assert.Equal(t, kind, s.get("/"+name).header.Get("Content-Type"))
	}
	assert.Equal(t, "public, max-age=31536000, immutable", s.get("/a.hash.css").header.Get("Cache-Control"))
	whole := s.get("/v.mp4")
	assert.Equal(t, "no-cache", whole.header.Get("Cache-Control"))
	assert.Equal(t, "bytes", whole.header.Get("Accept-Ranges"))
	tag := whole.header.Get("ETag")
	part := s.ask(http.MethodGet, "/v.mp4", "Range", "bytes=2-4", "If-Range", tag)
	assert.Equal(t, 206, part.status)
	assert.Equal(t, "234", part.body)
	assert.Equal(t, 200, s.ask(http.MethodGet, "/v.mp4", "Range", "bytes=2-4", "If-Range", `"other"`).status)
	assert.Equal(t, 416, s.ask(http.MethodGet, "/v.mp4", "Range", "bytes=20-").status)
	assert.Equal(t, 304, s.ask(http.MethodGet, "/v.mp4", "If-None-Match", tag).status)
	for _, path := range []string{"/", "/v.mp4"} {
		head := s.ask(http.MethodHead, path)
		assert.Equal(t, 200, head.status)
		assert.Empty(t, head.body)
		assert.NotEmpty(t, head.header.Get("Content-Length"))
	}
	refused := s.ask(http.MethodPost, "/")
	assert.Equal(t, 405, refused.status)
	assert.Equal(t, "GET, HEAD", refused.header.Get("Allow"))
}

func TestOnlyWhoMeansThisServerIsAnswered(t *testing.T) {
	s := start(t, serve.Options{Hosts: []string{"Blog.Test"}}, "content/index.html", html("home"))
	for _, host := range []string{"localhost", "localhost:8080", "LOCALHOST.", "site.localhost", "127.0.0.1", "127.8.9.1:80", "[::1]:8080", "blog.test:1"} {
		assert.Equal(t, 200, s.ask(http.MethodGet, "/", "Host", host).status, host)
	}
	for _, host := range []string{"evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost", "10.1.2.3", "0.0.0.0", "[::2]", "127.1"} {
		got := s.ask(http.MethodGet, "/", "Host", host)
		assert.Equal(t, 421, got.status, host)
		assert.NotContains(t, got.body, "home")
		assert.Equal(t, 421, s.ask(http.MethodGet, "/__ddc/live", "Host", host).status, host)
	}
	got := s.ask(http.MethodGet, "/", "Origin", "http://evil.test")
	assert.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "same-origin", got.header.Get("Cross-Origin-Resource-Policy"))
}

func TestSocketIsForPagesOfThisServerAlone(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"))
	dial := func(origin string) error {
		c, _, err := websocket.Dial(t.Context(), "ws://"+s.address+"/__ddc/live", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if err == nil {
			require.NoError(t, c.CloseNow())
		}
		return err
	}
	assert.NoError(t, dial("http://"+s.address))
	for _, origin := range []string{"http://evil.test", "null", "http://127.0.0.1:1", "http://localhost", "file://", "http://" + s.address + ".evil.test"} {
		assert.Error(t, dial(origin), origin)
	}
}

// A browser may be led here by a proxy that speaks HTTPS, puts a folder before
// all addresses, and asks by a name of its own or by that of the page.
func TestPageBehindAProxyFollowsChanges(t *testing.T) {
	for _, keepsName := range []bool{false, true} {
		s := start(t, serve.Options{Hosts: []string{"Space.example"}}, "content/index.html", html("<p>0</p>"))
		direct, err := url.Parse("http://" + s.address)
		require.NoError(t, err)
		proxy := httptest.NewTLSServer(http.StripPrefix("/port/8080", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(direct)
			if keepsName {
				r.Out.Host = r.In.Host
			}
		}}))
		defer proxy.Close()
		ask := func(path string) (code int, text string) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL+"/port/8080"+path, nil)
			require.NoError(t, err)
			r.Host = "space.example"
			answer, err := proxy.Client().Do(r)
			require.NoError(t, err)
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			return answer.StatusCode, string(body)
		}
		_, text := ask("/")
		page, err := url.Parse("https://space.example/port/8080/")
		require.NoError(t, err)
		script, err := page.Parse(between(text, `src="`, `"`))
		require.NoError(t, err)
		assert.Equal(t, "/port/8080/__ddc/client.js", script.Path, "as the browser has it")
		code, _ := ask(strings.TrimPrefix(script.Path, "/port/8080"))
		assert.Equal(t, http.StatusOK, code)
		live, err := script.Parse("live") // as the script does
		require.NoError(t, err)
		dial := func(origin string) (*websocket.Conn, error) {
			c, _, err := websocket.Dial(t.Context(), proxy.URL+live.Path, &websocket.DialOptions{
				HTTPClient: proxy.Client(), Host: "space.example", HTTPHeader: http.Header{"Origin": {origin}}})
			return c, err
		}
		c, err := dial("https://space.example")
		require.NoError(t, err, "keeps its name: %v", keepsName)
		require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte(`{"name":"index.html","hash":""}`)))
		_, _, err = c.Read(t.Context())
		assert.NoError(t, err)
		require.NoError(t, c.CloseNow())
		for _, origin := range []string{"https://evil.test", "https://space.example:1234", "https://space.example.evil.test", "https://10.0.0.1"} {
			_, err := dial(origin)
			assert.Error(t, err, origin)
		}
	}
}

func TestAssetOfAnOpenPageStaysThoughTheSiteHasANewOne(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("home"), "static/a.hash.css", "p{}")
	require.Equal(t, "p{}", s.get("/a.hash.css").body)
	remove(t, s.path("static/a.hash.css"))
	s.next("the style sheet to go")
	assert.Equal(t, "p{}", s.get("/a.hash.css").body)
}

func TestSiteBelowAPrefixIsThereWithAllThatItsPagesNeed(t *testing.T) {
	s := prepare(t)
	s.prefix = "/blog"
	s.write("content/index.html", html(`<a href="/blog/a/">a</a><a href="/blog/no/">b</a><a href="/no/">another site's</a><link rel=stylesheet href="/blog/s.css">`))
	s.write("content/a/index.html", html("a"))
	s.write("static/s.css", "1")
	s.run(serve.Options{})
	s.next("the site")
	for _, path := range []string{"/", "/blog"} {
		got := s.get(path)
		assert.Equal(t, 302, got.status, path)
		assert.Equal(t, "/blog/", got.header.Get("Location"))
	}
	for _, path := range []string{"/a/", "/blogs/", "/__ddc/client.js", "/s.css"} {
		assert.Equal(t, 404, s.get(path).status, path)
	}
	home := s.get("/blog/").body
	assert.Equal(t, "[&#34;/blog/no/&#34;]", between(home, `data-dead="`, `"`))
	assert.Equal(t, "./../blog/__ddc/client.js", between(home, `src="`, `"`))
	assert.Equal(t, 200, s.get("/blog/__ddc/client.js").status)
	assert.Contains(t, s.get("/blog/ab/").body, `href="./../../blog/a/"`)
	assert.Equal(t, "./a/", s.get("/blog/a").header.Get("Location"))
	tab := s.open("/blog/")
	tab.hears("the first word", func(update) bool { return true })
	s.write("static/s.css", "2")
	assert.Equal(t, []string{"/blog/s.css"}, tab.hears("a style sheet", func(u update) bool { return len(u.Swap) > 0 }).Swap)
}

func TestPolicyThatMayForbidTheScriptIsSaidOnce(t *testing.T) {
	log, said := logger()
	s := start(t, serve.Options{Log: log}, "content/index.html", `<!DOCTYPE html><head><meta http-equiv="Content-Security-Policy" content="script-src 'none'"></head><p>x`)
	for range 2 {
		s.get("/")
	}
	assert.Equal(t, 1, strings.Count(said(), "index.html has a Content-Security-Policy"))
}
