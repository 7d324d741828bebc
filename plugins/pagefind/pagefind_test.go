package pagefind

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/internal/tool"
	"ddc/plugins/pagefind/pagefindpb"
)

func needTools(t testing.TB) {
	t.Helper()
	if _, err := tool.Find("pagefind_extended"); err != nil {
		t.Skip(err)
	}
}

// sending is a call whose pages are there already.
type sending struct {
	grpc.ServerStream
	ctx    context.Context
	pages  []*pagefindpb.Page
	answer *pagefindpb.BuildIndexResponse
}

func (s *sending) Context() context.Context { return s.ctx }

func (s *sending) Recv() (*pagefindpb.Page, error) {
	if len(s.pages) == 0 {
		return nil, io.EOF
	}
	first := s.pages[0]
	s.pages = s.pages[1:]
	return first, nil
}

func (s *sending) SendAndClose(answer *pagefindpb.BuildIndexResponse) error {
	s.answer = answer
	return nil
}

func buildIndex(ctx context.Context, pages ...*pagefindpb.Page) (*pagefindpb.BuildIndexResponse, error) {
	s := &sending{ctx: ctx, pages: pages}
	err := New().BuildIndex(s)
	return s.answer, err
}

func index(t testing.TB, pages []*pagefindpb.Page) map[string][]byte {
	t.Helper()
	pages = slices.SortedFunc(slices.Values(pages), func(a, b *pagefindpb.Page) int { return strings.Compare(a.Url, b.Url) })
	response, err := buildIndex(context.Background(), pages...)
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, file := range response.Files {
		files[file.Path] = file.Contents
	}
	require.Len(t, files, len(response.Files), "each path once")
	assert.True(t, slices.IsSortedFunc(response.Files, func(a, b *pagefindpb.IndexFile) int { return strings.Compare(a.Path, b.Path) }))
	return files
}

// unpacked is a file of an index without its gzip and its signature.
func unpacked(t testing.TB, data []byte) []byte {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	text, err := io.ReadAll(packed)
	require.NoError(t, err)
	text, signed := bytes.CutPrefix(text, []byte("pagefind_dcd"))
	require.True(t, signed)
	return text
}

// fragments unpacks what the browser shows of each page, which is JSON.
func fragments(t *testing.T, files map[string][]byte) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for path, data := range files {
		if !strings.HasPrefix(path, "pagefind/fragment/") {
			continue
		}
		var fragment struct{ URL, Content string }
		require.NoError(t, json.Unmarshal(unpacked(t, data), &fragment))
		texts[fragment.URL] = fragment.Content
	}
	return texts
}

func page(url, body string) *pagefindpb.Page {
	return &pagefindpb.Page{Url: url, Html: "<!doctype html><html lang=en><head><title>" + url + "</title></head><body>" + body + "</body></html>"}
}

func TestEveryPageIsInTheIndexWithItsWords(t *testing.T) {
	needTools(t)
	files := index(t, []*pagefindpb.Page{page("/", "<p>the elephant"), page("/guide/ünï/", "<p>an antelope, 5 &lt; 6, \"quoted\"</p>")})
	assert.Equal(t, map[string]string{"/": "the elephant", "/guide/ünï/": "an antelope, 5 < 6, \"quoted\""}, trimmed(fragments(t, files)))
	for _, name := range []string{"pagefind.js", "pagefind-ui.js", "pagefind-ui.css", "pagefind-entry.json", "wasm.en.pagefind"} {
		assert.NotEmpty(t, files["pagefind/"+name], name)
	}
}

func trimmed(texts map[string]string) map[string]string {
	for url, text := range texts {
		texts[url] = strings.TrimRight(text, ". ")
	}
	return texts
}

// A table head of three cells was the one word "alphabetagamma", and who
// searched for two of them found nothing.
func TestWordsOfTheIndexAreThoseThatPeopleRead(t *testing.T) {
	needTools(t)
	cases := map[string]string{
		"<table><thead><tr><th>alpha</th><th>beta</th><th>gamma</th></tr></thead><tr><td>one</td><td>two</td></tr></table>": "alpha beta gamma one. two",
		"<table><caption>one</caption><tr><td>two<td>three<tr><th>four</table>five":                                         "one two three four five",
		"one<br>two<br/>three<hr>four":                            "one two three four",
		"<dl><dt>one</dt><dd>two</dd><dt>three</dt></dl>":         "one two three",
		"<ul><li>one<ul><li>two</li></ul></li><li>three</ul>four": "one two. three. four",
		"<p>one<p>two<div>three</div>four":                        "one two three. four",
		"one<h2>two</h2>three<blockquote>four</blockquote>five":   "one two. three four five",
		"<details><summary>one</summary>two</details>three":       "one two three",
		"<figure>one<figcaption>two</figcaption></figure>three":   "one two three",
		"<button>one</button><button>two</button><input>three<select><option>four</option><option>five</option></select>six":          "one two three four five six",
		"one<img src=x alt=y>two<svg><path/></svg>three<video></video>four":                                                           "one two three four",
		"<form>Pagefind passes over forms</form><fieldset><legend>one</legend>two</fieldset><address>three</address>four":             "one two three four",
		"el<b>eph</b>a<i>n</i><wbr>t ant&shy;elo&#173;pe \u00adgiraffe x<sup>2</sup> <span>ze</span><span>bra</span>":                 "elephant antelope giraffe x2 zebra",
		"<pre><code><a-k>fn</a-k> <a-f>main</a-f>()<a-p>{</a-p>\n  x\n}</code></pre>":                                                 "fn main(){ x }",
		"one<!-- no -->two<script>no</script><style>no</style><template>no</template>three":                                           "onetwothree",
		"<p hidden>no</p>one<p style='color:red; display : none'>no</p><p hidden=until-found>two</p><div><b hidden>no</b>three</div>": "one two. three",
	}
	var pages []*pagefindpb.Page
	want, bodies := map[string]string{}, map[string]string{}
	for body, words := range cases {
		url := fmt.Sprintf("/%d/", len(pages))
		pages = append(pages, page(url, body))
		want[url], bodies[url] = words, body
	}
	for url, text := range trimmed(fragments(t, index(t, pages))) {
		assert.Equal(t, want[url], strings.Join(strings.Fields(text), " "), bodies[url])
	}
}

// value reads one value of CBOR: a number, a text or a list, which are all that
// an index has.
func value(t testing.TB, from []byte) (v any, rest []byte) {
	t.Helper()
	require.NotEmpty(t, from)
	kind, n, rest := from[0]>>5, uint64(from[0]&31), from[1:]
	if n >= 24 {
		size := 1 << (n - 24)
		require.True(t, n < 28 && len(rest) >= size)
		n = 0
		for _, b := range rest[:size] {
			n = n<<8 | uint64(b)
		}
		rest = rest[size:]
	}
	switch kind {
	case 0:
		return int(n), rest
	case 1:
		return -1 - int(n), rest
	case 3:
		return string(rest[:n]), rest[n:]
	case 4:
		list := []any{}
		for range n {
			var item any
			item, rest = value(t, rest)
			list = append(list, item)
		}
		return list, rest
	}
	require.Fail(t, "odd CBOR", "%x", from[0])
	return nil, nil
}

// wordsOf are the numbers of the pages that each word of an index leads to. A
// page is said by how far it is from the one before.
func wordsOf(t testing.TB, files map[string][]byte) map[string][]int {
	t.Helper()
	words := map[string][]int{}
	for path, data := range files {
		if !strings.HasPrefix(path, "pagefind/index/") {
			continue
		}
		chunk, rest := value(t, unpacked(t, data))
		require.Empty(t, rest)
		for _, entry := range chunk.([]any)[0].([]any) {
			word, number := entry.([]any)[0].(string), 0
			for _, page := range entry.([]any)[1].([]any) {
				number += page.([]any)[0].(int)
				words[word] = append(words[word], number)
			}
		}
	}
	return words
}

// A table's head is searched for by some of its words, in any order.
func TestSearchForTwoWordsOfATablesHeadFindsItsPage(t *testing.T) {
	needTools(t)
	files := index(t, []*pagefindpb.Page{
		page("/a/", "<p>alpha"), page("/b/", "<p>beta, twice"), page("/c/", "<p>gamma"),
		page("/table/", "<table><thead><tr><th>alpha</th><th>beta</th><th>gamma</th></tr></thead><tbody><tr><td>one</td><td>two</td></tr></tbody></table>"),
		page("/z/", "<p>beta"),
	})
	words := wordsOf(t, files)
	found := func(query ...string) (pages []int) {
		pages = words[query[0]]
		for _, word := range query[1:] {
			pages = slices.DeleteFunc(slices.Clone(pages), func(n int) bool { return !slices.Contains(words[word], n) })
		}
		return pages
	}
	assert.Len(t, found("alpha"), 2)
	assert.Len(t, found("beta"), 3)
	assert.Len(t, found("gamma"), 2)
	for _, two := range [][]string{{"alpha", "beta"}, {"gamma", "alpha"}, {"gamma", "beta"}, {"beta", "one"}} {
		assert.Len(t, found(two...), 1, "%v", two)
	}
	assert.Empty(t, found("alpha", "nowher"))
	assert.NotContains(t, words, "alphabetagamma")
}

func TestNoPagesAreAnIndexToo(t *testing.T) {
	needTools(t)
	assert.NotEmpty(t, index(t, nil)["pagefind/pagefind-entry.json"])
}

func TestSamePagesInAnyOrderGiveTheSameBytes(t *testing.T) {
	needTools(t)
	words := strings.Fields("elephant antelope giraffe lion tiger zebra okapi gnu ibex yak eland oryx kudu")
	random := rand.New(rand.NewPCG(1, 2))
	var pages []*pagefindpb.Page
	for i := range 60 {
		var body strings.Builder
		for range 200 {
			fmt.Fprintf(&body, "<p>%s%d", words[random.IntN(len(words))], random.IntN(30))
		}
		pages = append(pages, page(fmt.Sprintf("/%d/", i), body.String()))
	}
	want := index(t, pages)
	for range 5 {
		random.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
		got := index(t, pages)
		require.Equal(t, len(want), len(got))
		for path, data := range want {
			assert.True(t, bytes.Equal(data, got[path]), path)
		}
	}
}

// More than both pipes hold.
func TestManyLargePagesPass(t *testing.T) {
	needTools(t)
	var pages []*pagefindpb.Page
	for i := range 300 {
		pages = append(pages, page(fmt.Sprintf("/%d/", i), "<pre>"+strings.Repeat("a b c d e f g h ", 1000)))
	}
	assert.Len(t, fragments(t, index(t, pages)), 300)
}

func TestPagesThatComeInAnotherOrderAreRefused(t *testing.T) {
	needTools(t)
	_, err := buildIndex(t.Context(), page("/b/", "x"), page("/a/", "y"))
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "/a/ comes after /b/")
}

func TestTwoPagesWithOneURLAreRefused(t *testing.T) {
	needTools(t)
	_, err := buildIndex(t.Context(), page("/a/", "x"), page("/a/", "y"))
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "/a/: two pages have this URL")
}

func TestCallEndsWithItsContext(t *testing.T) {
	needTools(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := buildIndex(ctx)
	assert.Equal(t, codes.Canceled, status.Code(err))
}

// fake puts a script in Pagefind's place.
func fake(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "pagefind_extended"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv(tool.FolderVariable, folder)
}

func TestPagefindThatDiesIsAnErrorThatSaysHow(t *testing.T) {
	for name, script := range map[string]string{
		"at once":     "echo out of cheese >&2; exit 3",
		"in the talk": `printf '%s,' "$(printf '{"message_id":0,"payload":{"type":"NewIndex","index_id":0}}' | base64 -w0)"; echo out of cheese >&2; exit 3`,
	} {
		t.Run(name, func(t *testing.T) {
			fake(t, script)
			pages := []*pagefindpb.Page{page("/", strings.Repeat("x", 1<<20)), page("/a/", strings.Repeat("x", 1<<20))}
			_, err := buildIndex(t.Context(), pages...)
			assert.Equal(t, codes.Internal, status.Code(err))
			assert.ErrorContains(t, err, "pagefind_extended: exit status 3: out of cheese")
		})
	}
}

func TestPageThatPagefindRefusesIsNamed(t *testing.T) {
	fake(t, `say() { printf '%s,' "$(printf '{"message_id":%s,"payload":{"type":"%s","index_id":0,"message":"too odd"}}' "$1" "$2" | base64 -w0)"; }
say 0 NewIndex; say 2 IndexedFile; say 1 Error; cat >/dev/null`)
	_, err := buildIndex(t.Context(), page("/a/", ""), page("/b/", ""))
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "/a/: cannot be indexed: too odd")
}

func TestMissingPagefindIsAFailedPrecondition(t *testing.T) {
	t.Setenv(tool.FolderVariable, "")
	t.Setenv("PATH", "/nowhere")
	t.Chdir(t.TempDir())
	_, err := buildIndex(t.Context())
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "pagefind_extended, which builds the search index, is not installed: run `make tools`")
}

// pages are those of a site.
func pages(t testing.TB, site fs.FS) (pages []*pagefindpb.Page) {
	t.Helper()
	for name, body := range fixture.Bodies(t, site) {
		pages = append(pages, page("/"+strings.TrimSuffix(name, ".md")+"/", body))
	}
	return pages
}

func TestSiteIsIndexedWholeAndNothingIsLeft(t *testing.T) {
	needTools(t)
	t.Setenv("TMPDIR", t.TempDir())
	told := map[string][2]string{ // a page, and a word of it
		"fixture": {"/guide/tides/", "datum"}, "dodeca-docs/docs": {"/internals/font-subsetting/", "font"},
	}
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		pages := pages(t, site)
		texts := fragments(t, index(t, pages))
		assert.Len(t, texts, len(pages), site.Name)
		assert.Contains(t, texts[told[site.Name][0]], told[site.Name][1])
	}

	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
	lists, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		assert.Empty(t, string(children))
	}
}

func BenchmarkRealSite(b *testing.B) {
	needTools(b)
	pages := pages(b, fixture.RealOrSkip(b, "dodeca-docs/docs"))
	for b.Loop() {
		index(b, pages)
	}
}

// BenchmarkEdit takes apart what a page that has changed costs. Pagefind's
// service takes a page in the place of the one that it has of that URL; but it
// makes each file anew whenever it is asked for the files.
func BenchmarkEdit(b *testing.B) {
	needTools(b)
	const n = 1000
	random := rand.New(rand.NewPCG(1, 1))
	page := func(i int) *pagefindpb.Page {
		var text strings.Builder
		for range 900 {
			fmt.Fprintf(&text, "word%d ", int(math.Exp(random.Float64()*10)))
		}
		return &pagefindpb.Page{Url: fmt.Sprintf("/p%04d/", i), Html: "<!doctype html><html lang=en><title>P</title><h1>P</h1><p>" + text.String()}
	}
	pages := make([]*pagefindpb.Page, n)
	for i := range pages {
		pages[i] = page(i)
	}
	var adding, making, again time.Duration
	for b.Loop() {
		process, err := tool.Command{Program: indexer, Args: []string{"--service"}}.Start(b.Context())
		require.NoError(b, err)
		talk := conversation{in: process.In, out: bufio.NewReaderSize(process.Out, 1<<16)}
		require.NoError(b, talk.send(0, newIndex{Type: "NewIndex"}))
		created, err := talk.receive("NewIndex")
		require.NoError(b, err)
		index := created.Payload.Index
		add := func(pages ...*pagefindpb.Page) {
			all := &sending{pages: pages}
			_, err := talk.add(index, all.Recv)
			require.NoError(b, err)
		}
		files := func() int {
			require.NoError(b, talk.send(n+1, getFiles{Type: "GetFiles", Index: index}))
			answer, err := talk.receive("GetFiles")
			require.NoError(b, err)
			return len(answer.Payload.Files)
		}
		begun := time.Now()
		add(pages...)
		added := time.Now()
		first := files()
		made := time.Now()
		add(page(7))
		require.Equal(b, first, files(), "the page has taken its own place")
		adding, making, again = adding+added.Sub(begun), making+made.Sub(added), again+time.Since(made)
		require.NoError(b, process.Close())
	}
	for name, took := range map[string]time.Duration{"add-ms": adding, "files-ms": making, "one-page-and-files-ms": again} {
		b.ReportMetric(float64(took.Milliseconds())/float64(b.N), name)
	}
}
