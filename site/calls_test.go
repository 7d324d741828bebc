package site_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/site"
)

const fourBlocks = "```rust\nfn a() {}\n```\n\n```\nplain <b>\n```\n\n```go\nfunc b() {}\n```\n\n    indented\n\n```rust\nfn a() {}\n```\n"

// A page's HTML crosses to the html plugin once, to be looked at, and to minify
// once, to be finished; its code crosses once.
func TestPageCrossesToEachPluginOnce(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A")+fourBlocks, "content/b.md", titledAs("B")+fourBlocks,
		"templates/page.html", "<!DOCTYPE html><html><head><style>p{color:red}</style></head><body style=\"color:red\"><script>f()</script>{{ page.content | safe }}</body></html>")
	s := p.opened()
	calls := s.Counts().Calls
	assert.Equal(t, 4, calls["html"], "one for each page, of which one is 404.html")
	assert.Equal(t, 4, calls["minify"], "one for each page")
	assert.Equal(t, 2+1, calls["syntax_highlight"], "one for each page with code, and one for the style sheet")
	made := p.read("a/index.html")
	for _, want := range []string{
		`<pre><code class=language-rust><span class=k>fn</span> <span class=nf>a</span>`, "<pre><code>plain &lt;b>\n</code></pre>",
		`<pre><code class=language-go><span class=kd>func</span>`, "<pre><code>indented\n</code></pre>",
	} {
		assert.Contains(t, made, want)
	}
	assert.Equal(t, 2, strings.Count(made, "language-rust"))
	assert.Less(t, strings.Index(made, "language-rust"), strings.Index(made, "language-go"))
}

func TestMuchCodeOfAPageIsHighlightedInSeveralCalls(t *testing.T) {
	block := "```go\n" + strings.Repeat("var a = 1\n", 3000) + "```\n\n"
	p := newProject(t, "content/a.md", titledAs("A")+strings.Repeat(block, 5))
	s := p.opened()
	assert.Equal(t, 3+1, s.Counts().Calls["syntax_highlight"], "two blocks in each, and the style sheet")
	assert.Equal(t, 5, strings.Count(p.read("a/index.html"), "language-go"))
}

// mortal is a connection whose streams die, so many of them: at their
// beginning, while they send and at their end, in turn.
type mortal struct {
	grpc.ClientConnInterface
	deaths  int32
	streams atomic.Int32
}

var errDead = status.Error(codes.Unavailable, "it died")

func (m *mortal) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	n := m.streams.Add(1)
	if n <= m.deaths && n%3 == 1 {
		return nil, errDead
	}
	stream, err := m.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	if err != nil || n > m.deaths {
		return stream, err
	}
	return &mortalStream{stream, n%3 == 2}, nil
}

type mortalStream struct {
	grpc.ClientStream
	sending bool
}

func (s *mortalStream) SendMsg(m any) error {
	if s.sending {
		return io.EOF
	}
	return s.ClientStream.SendMsg(m)
}

func (s *mortalStream) RecvMsg(any) error { return errDead }

func TestSearchOfAPluginThatDiesIsAskedForAgain(t *testing.T) {
	needTools(t, "pagefind_extended")
	p := newProject(t, "content/a.md", titledAs("A")+"elephant\n")
	h, err := host.New(host.Options{Local: func(name string) (plugin.Service, error) { return services[name](), nil }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	for _, deaths := range []int32{2, 3} {
		m := &mortal{ClientConnInterface: h.Conn("pagefind"), deaths: deaths}
		_, err = site.Build(t.Context(), p.config(), with(t, "pagefind", m), site.Options{})
		assert.EqualValues(t, 3, m.streams.Load())
		if deaths == 2 {
			require.NoError(t, err)
			assert.NotEmpty(t, p.read("pagefind/pagefind-entry.json"))
			continue
		}
		assert.ErrorContains(t, err, "pagefind plugin: ")
		assert.ErrorContains(t, err, "it died")
	}
}
