package markup

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/internal/markup/markuptest"
)

// requireSameTokens holds the Tokenizer against that of x/net. The lowest bit
// of ways says whether there are CDATA sections, and the others after which
// tags nothing is taken for text.
func requireSameTokens(t *testing.T, page string, ways int) {
	t.Helper()
	cdata, every := ways&1 == 1, ways>>1
	theirs, ours := html.NewTokenizer(strings.NewReader(page)), NewTokenizer(page)
	theirs.AllowCDATA(cdata)
	ours.CDATA = cdata
	tags := 0
	for {
		kind := theirs.Next()
		require.Equal(t, kind.String(), ours.Next().String(), "in %q, after %q", page, page[:ours.start])
		if kind == html.ErrorToken {
			require.Equal(t, html.ErrorToken, ours.Next(), "again at the end of %q", page)
			return
		}
		raw := string(theirs.Raw())
		require.Equal(t, raw, ours.Raw(), "in %q", page)
		switch kind {
		case html.TextToken:
			if !strings.HasPrefix(raw, "<![CDATA[") {
				require.Equal(t, string(theirs.Text()), ours.Text(), "in %q", page)
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			name, _ := theirs.TagName()
			require.Equal(t, string(name), ours.Name(), "in %q", page)
			if tags++; every > 0 && tags%every == 0 {
				theirs.NextIsNotRawText()
				ours.NextIsMarkup()
			}
		}
	}
}

// odd are pages whose tokens are easily taken for others.
var odd = []string{
	"", "a", "<", "</", "a</", "a<", "<a", "<a ", "<a/", "<a b", "<a b=", "<a b='", "<a b=c", "<!", "<!d", "<!-", "<!--", "<?", "</>", "</ a>", "<<a>", "a<<b>c", "</</a>", "<3<4",
	"<br/>", "<br/ >", "<br a/>", "<br a=/>", "<br a=b/>", "<br a=x a=y/>", "<br a=x A=y/>", "<br a='x'/>", "<br a=\"/\">", "<br / a>", "<br =/>", "<br ==/>", "<br ==a/>", "<br a = b />", "<br a= />", "<br a==b>", "<br a/=b>", "<br a'=\">b>c",
	"<A\x00B C\x00=D\x00>x\x00y</A\x00B>", "<TiTlE>a&amp;<b>\x00\r\n</tItLe >c&amp;\x00\r", "<title>a</title", "<title>a</titlex></title/>", "<title></title>", "<title/>a</title>",
	"<script>a</scrip</script>b", "<script><!--<script></script>--></script>b", "<script><!-- </script>b", "<script><!-</script>b", "<script>a</SCRIPT\n>b", "<script></script>", "<script>a", "<script>a</script", "<script>\"<!--\"<script></script>x</script>y",
	"<style>a</ſtyle></style>", "<script>a</\u017fcript></script>", "<plaintext>a</plaintext>", "<plaintext>", "<xmp></xmp>", "<noscript><b></noscript>", "<iframe a='</iframe>'>b</iframe>", "<p\fa\rb>", "<é>", "<aé É=é>é</aé>", "\xff<\xff><a\xff \xff=\xff>",
}

func TestTokensAreThoseOfTheReferenceWhateverThePage(t *testing.T) {
	for _, page := range odd {
		for ways := range 8 {
			requireSameTokens(t, page, ways)
			for _, other := range odd {
				requireSameTokens(t, page+other, ways)
			}
		}
	}
	ways := 0
	for page := range markuptest.Documents() {
		requireSameTokens(t, page, ways%8)
		ways++
	}
}

func FuzzTokensAreThoseOfTheReference(f *testing.F) {
	for _, page := range append(markuptest.Seeds(), odd...) {
		f.Add(page, 0)
	}
	f.Fuzz(func(t *testing.T, page string, ways int) { requireSameTokens(t, page, ways&7) })
}
