package markup

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// tags are what pages in TestWhatIsForeignIsWhatTheParserSays are made of.
// There is no <template>, since inside SVG this parser reads nothing behind
// one, and no <th>, which it does not let end a <caption>.
var tags = strings.Fields(`<svg> <svg> </svg> </svg> <svg/> <g> </g> <g/> <desc> </desc> <foreignObject> </foreignObject> <title> </title>
	<math> </math> <math/> <mi> </mi> <mtext> </mtext> <mglyph> <annotation-xml> <annotation-xml/encoding=text/html> </annotation-xml>
	<p> </p> <b> </b> <i> </i> <em> </em> <u> <s> <code> </code> <font> <font/color=a> </font> <a> </a> <nobr> </nobr> <span> </span>
	<div> </div> <center> <section> </section> <dialog> </dialog> <nav> <header> </header> <address> <pre> <h1> </h2> <h3> </h3> <ul> </ul> <ol> </ol> <li> </li> <dl> </dl> <dd> <dt>
	<table> <table> </table> </table> <caption> </caption> <colgroup> </colgroup> <col> <thead> <tbody> </tbody> <tr> </tr> <td> <td> </td>
	<form> </form> <button> </button> <select> </select> <optgroup> <option> </option> <input> <object> </object> <marquee> </marquee>
	<br> </br> <hr> <img> <ruby> <rt> </ruby> <body> </body> <head> </head> <noscript> </noscript> </template>
	<style></style> <script></script> <textarea></textarea> <xmp></xmp> <iframe></iframe> x`)

// Behind anything that is foreign the <a> is an element, and else a text.
const probe = "<title><a href=/a></title>"

// requireSameReading compares how Walk and the parser read the probe.
func requireSameReading(t *testing.T, page string) {
	t.Helper()
	root, err := html.ParseWithOptions(strings.NewReader(page+probe), html.ParseOptionEnableScripting(false))
	if err != nil { // too deep
		return
	}
	want := slices.ContainsFunc(slices.Collect(root.Descendants()), func(n *html.Node) bool {
		return n.Type == html.ElementNode && n.Data == "a" && len(n.Attr) > 0
	})
	got := false
	p := Page{Source: page + probe}
	p.Walk(func(t Token) { got = got || t.Name == "a" && t.Attributes.Has("href") })
	require.Equal(t, want, got, "what follows is foreign: %s", page)
}

func TestWhatIsForeignIsWhatTheParserSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		page := ""
		for range 2 + random.IntN(20) {
			page += tags[random.IntN(len(tags))]
		}
		requireSameReading(t, page)
	}
}

func FuzzWhatIsForeignIsWhatTheParserSays(f *testing.F) {
	f.Add([]byte{0, 9, 30, 2, 14})
	f.Fuzz(func(t *testing.T, picks []byte) {
		page := ""
		for _, pick := range picks[:min(len(picks), 100)] {
			page += tags[int(pick)%len(tags)]
		}
		requireSameReading(t, page)
	})
}

func TestNotMoreIsKeptThanAParserLetsBeOpen(t *testing.T) {
	for _, tag := range []string{"<svg>", "<b>", "<object>", "<b><object>", "<table><td>", "<b><div></b>"} {
		var f foreign
		p := Page{Source: "<svg></svg>" + strings.Repeat(tag, 10_000)}
		p.Walk(func(token Token) {
			switch token.Kind {
			case html.StartTagToken:
				f.start(token.Name, token.Attributes, false, false)
			case html.EndTagToken:
				f.end(token.Name)
			}
			assert.LessOrEqual(t, len(f.open), 2*maxOpen)
			assert.LessOrEqual(t, len(f.formatting), 4*maxOpen)
		})
	}
}
