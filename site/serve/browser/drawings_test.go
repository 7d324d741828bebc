package browser_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inBoxes are styles by the class of a box. An image has its place before it
// has come in those whose name begins with "sized".
var inBoxes = map[string]string{
	"natural":       ``,
	"sizedHeight":   `.sizedHeight img{height:24px}`,
	"sizedEm":       `.sizedEm img{height:1em;vertical-align:middle}`,
	"sizedWidth":    `.sizedWidth img{width:24px}`,
	"sizedFull":     `.sizedFull img{width:100%}`,
	"sizedColumn":   `.sizedColumn{display:flex;flex-direction:column}`,
	"sizedStretch":  `.sizedStretch{display:flex;height:100px}`,
	"sizedAbsolute": `.sizedAbsolute{position:relative;height:80px}.sizedAbsolute img{position:absolute;top:0;left:0;height:100%}`,
	"sizedSquare":   `@layer own{.sizedSquare img{width:50px;aspect-ratio:1}}`,
	"sizedFit":      `.sizedFit img{width:60px;height:60px;object-fit:contain}`,
	"most":          `.most img{max-width:100%}`,
	"mostAuto":      `.mostAuto img{max-width:100%;height:auto}`,
	"mostHeight":    `.mostHeight img{max-height:50px}`,
	"least":         `.least img{min-height:300px}`,
	"row":           `.row{display:flex}`,
	"grow":          `.grow{display:flex}.grow img{flex:1}`,
	"grid":          `.grid{display:grid}`,
	"float":         `.float{display:flow-root}.float img{float:left}`,
	"shrink":        `.shrink{display:inline-block}`,
	"auto":          `.auto img{width:50px;aspect-ratio:auto}`,
}

// TestADrawingTakesItsPlaceAndIsDrawnAsItWouldBe holds drawings back until the
// page has measured itself, and then measures it with what was added for them
// and without.
func TestADrawingTakesItsPlaceAndIsDrawnAsItWouldBe(t *testing.T) {
	folder := t.TempDir()
	var styles, boxes strings.Builder
	drawings := map[string]string{
		"sized.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200" viewBox="0 0 40 20"><rect width="40" height="20" fill="red"/></svg>`,
		"box.svg":   `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="40" height="20" fill="red"/></svg>`,
	}
	for name, style := range inBoxes {
		styles.WriteString(style)
		for file := range drawings {
			boxes.WriteString(`<div class="` + name + `"><img src="/` + file + `" alt="` + name + " " + file + `"></div>`)
		}
	}
	const measure = `const sides = () => Array.from(document.images, i => i.alt + " " + i.getBoundingClientRect().width + "x" + i.getBoundingClientRect().height);`
	files := map[string]string{
		".config/dodeca.kdl": "content \"content\"\noutput \"public\"\n",
		"content/_index.md":  "+++\ntitle = \"Drawings\"\n+++\n",
		"templates/index.html": `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T</title><style>` + styles.String() + `</style></head><body>` +
			boxes.String() + `<script>` + measure + `const before = sides(); fetch("measured")</script></body></html>`,
	}
	for name, drawing := range drawings {
		files["static/"+name] = drawing
	}
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, path.Dir(name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o666))
	}
	b := build(t, folder)

	origin, err := url.Parse(b.url)
	require.NoError(t, err)
	measured := make(chan struct{})
	var once sync.Once
	others := httputil.NewSingleHostReverseProxy(origin)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == below+"/measured":
			once.Do(func() { close(measured) })
			return
		case path.Ext(r.URL.Path) == ".svg":
			select {
			case <-measured:
			case <-r.Context().Done():
			}
		}
		others.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s := &site{t: t, url: server.URL + below, said: func() string { return "" }}
	s.browse()
	v := s.view("/", screen{width: 390, scheme: "light"})
	defer v.close()
	before, after := eval[[]string](v.tab, "before"), eval[[]string](v.tab, "sides()")
	require.Len(t, after, 2*len(inBoxes))
	v.does(`document.querySelector("style").remove()`)
	assert.Equal(t, eval[[]string](v.tab, "sides()"), after, "the same sides as without the rule")
	notSized := func(side string) bool { return !strings.HasPrefix(side, "sized") }
	assert.Equal(t, slices.DeleteFunc(slices.Clone(after), notSized), slices.DeleteFunc(slices.Clone(before), notSized), "before the drawings came")
	assert.Contains(t, after, "sizedFull sized.svg 374x187", "what is measured is a drawing")
}
