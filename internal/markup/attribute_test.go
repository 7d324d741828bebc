package markup

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"
)

// The scanner gives positions, x/net's tokenizer gives the truth about names
// and values.
func FuzzScannedAttributesAreTheTokenizers(f *testing.F) {
	f.Add(`<a b=c d="e&amp;f" G='h"' i j = k/l =m n=>`)
	f.Fuzz(func(t *testing.T, tag string) {
		tokens := html.NewTokenizer(strings.NewReader(tag))
		if kind := tokens.Next(); kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			return
		}
		raw := string(tokens.Raw())
		if strings.ContainsAny(raw, "\x00\r") || !utf8.ValidString(raw) { // which the tokenizer replaces, and no message holds
			return
		}
		_, more := tokens.TagName()
		var names, values []string
		for more {
			var name, value []byte
			name, value, more = tokens.TagAttr()
			names, values = append(names, string(name)), append(values, string(value))
		}
		var scannedNames, scannedValues []string
		for _, a := range scanAttributes(raw, 0, len(raw)).List {
			scannedNames, scannedValues = append(scannedNames, a.Name), append(scannedValues, a.Value)
		}
		assert.Equal(t, names, scannedNames)
		assert.Equal(t, values, scannedValues)
	})
}

func TestOfManyAttributesTheFirstOfANameCounts(t *testing.T) {
	var tag strings.Builder
	tag.WriteString("<a href=/first ")
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&tag, "a%d=%d ", i, i)
	}
	tag.WriteString("href=/second a7=x>")
	source := tag.String()
	a := scanAttributes(source, 0, len(source))
	assert.Len(t, a.List, n+1)
	assert.Equal(t, "/first", a.Value("href"))
	assert.Equal(t, "7", a.Value("a7"))
}
