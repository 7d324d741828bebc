package fonts

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each was seen in a browser in another font, where a subset did without.
func TestLettersThatABrowserPutsInThePlaceOfOthersAreKept(t *testing.T) {
	for name, c := range map[string]struct{ css, page, letters string }{
		"symbols of a counter style":  {`@counter-style z{system:cyclic;symbols:"Ж" Я;suffix:"§"} ol{list-style:z}`, `<ol><li>a`, "ЖЯ§"},
		"numbers of another script":   {`ol{list-style-type:devanagari}`, `<ol><li>a`, "१९"},
		"letters of another alphabet": {`ol{list-style-type:armenian}`, `<ol><li>a`, "ԱՖ"},
		"Chinese numbers":             {`ol{list-style-type:cjk-ideographic}`, `<ol><li>a`, "一、"},
		"quotes of another language":  {``, `<p lang=fr>a<q>b</q>`, "«»„"},
		"quotes by content":           {`p::before{content:open-quote}`, `<p lang=de>a`, "„"},
		"hyphens by name":             {`p{hyphenate-character:"="}`, `<p>a`, "="},
		"hyphens that do not break":   {``, "<p>a\u2011b", "\u2010-"},
		"emphasis by sign":            {`p{text-emphasis:"#"}`, `<p>a`, "#"},
		"emphasis by word":            {`p{-webkit-text-emphasis-style:filled sesame}`, `<p>a`, "﹅"},
		"letters with their accents":  {``, "<p>A\u030a", "Å"},
		"accents of letters":          {``, "<p>ế", "\u0301"},
		"Turkish capitals":            {`p{text-transform:uppercase}`, `<p lang=tr>istanbul`, "İS"},
		"Greek capitals":              {`p{text-transform:uppercase}`, `<p lang=el>ώρα`, "ΩΡΑ"},
		"capitals of one as two":      {`p{font-variant-caps:small-caps}`, `<p>ßﬁ`, "SFI"},
		"full width":                  {`p{text-transform:full-width}`, `<p>a`, "ａ"},
		"mirrored":                    {``, `<bdo dir=rtl>&lt;(</bdo>`, ">)"},
		"mirrored by a style":         {`p{direction:rtl}`, `<p>[`, "]"},
		"mirrored among Hebrew":       {``, `<p>א«`, "»"},
		"a date to be chosen":         {``, `<input type=date>`, "0/-"},
		"a button without a name":     {``, `<input type=submit>`, "Sut"},
		"details without a summary":   {``, `<details><p>a</details>`, "Detils▸"},
	} {
		got := analyse(t, `@font-face{font-family:F;src:url(f.woff2)} *{font-family:F}`+c.css, c.page)
		for _, letter := range c.letters {
			assert.Contains(t, got.Characters["F"], string(letter), name)
		}
	}
}
