package html

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/markup/markuptest"
	"ddc/plugins/html/htmlpb"
)

// changed says something else in each place of a page that can be edited.
func changed(source string) (*htmlpb.ReplaceInlineRequest, *htmlpb.RewriteRequest) {
	found := inspect(source)
	texts := &htmlpb.ReplaceInlineRequest{}
	for _, style := range found.Styles {
		texts.Styles = append(texts.Styles, style+"/* </style> */")
	}
	for _, script := range found.Scripts {
		texts.Scripts = append(texts.Scripts, script+"\n// </script>")
	}
	for _, value := range found.StyleAttributes {
		texts.StyleAttributes = append(texts.StyleAttributes, value+`;content:"x"`)
	}
	return texts, &htmlpb.RewriteRequest{
		Base: "/guide/", Urls: map[string]string{"/a.png": "/a.0.png", "nope": "/n.0"}, Integrity: map[string]string{"/a.0.png": "sha384-x"}, Ratios: map[string]string{"/a.png": "3/2"},
		Pictures: map[string]*htmlpb.Picture{"/m.jpg": {Fallback: "/m.0.webp", Width: 8, Height: 4, Placeholder: "data:x", Sources: []*htmlpb.Picture_Source{
			{Type: "image/webp", Variants: []*htmlpb.Picture_Variant{{Url: "/m.0.webp", Width: 8}}}}}},
	}
}

func TestPageThatIsEditedAtOnceIsAsEditedInTurn(t *testing.T) {
	given := 0
	for source := range markuptest.Documents() {
		texts, addresses := changed(source)
		texts.Html = source
		first, err := replaceInline(texts)
		require.NoError(t, err)
		addresses.Html = first
		second, err := New().Rewrite(t.Context(), addresses)
		require.NoError(t, err)

		texts.Html, addresses.Html = "", ""
		got, err := Edit(source, texts, addresses)
		require.NoError(t, err)
		require.Equal(t, second.Html, got, "%q", source)
		given++
	}
	assert.Greater(t, given, 10_000)
}

func TestEditsMayBeLeftOut(t *testing.T) {
	const page = `<p style="a:b"><a href="/a.png">x</a>`
	texts, addresses := changed(page)
	for _, want := range []struct {
		texts     *htmlpb.ReplaceInlineRequest
		addresses *htmlpb.RewriteRequest
		page      string
	}{
		{nil, nil, page},
		{nil, addresses, `<p style="a:b"><a href="/a.0.png">x</a>`},
		{texts, nil, `<p style="a:b;content:&quot;x&quot;"><a href="/a.png">x</a>`},
		{texts, addresses, `<p style="a:b;content:&quot;x&quot;"><a href="/a.0.png">x</a>`},
	} {
		got, err := Edit(page, want.texts, want.addresses)
		require.NoError(t, err)
		assert.Equal(t, want.page, got)
	}
	_, err := Edit(page, &htmlpb.ReplaceInlineRequest{Scripts: []string{"f()"}}, addresses)
	assert.ErrorContains(t, err, "the page has 0 inline scripts, the request has texts for 1")
	_, err = Edit(page, nil, &htmlpb.RewriteRequest{Base: "http://[::1"})
	assert.ErrorContains(t, err, "is no URL")
}
