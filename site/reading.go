package site

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// wordsPerMinute is how fast people are taken to read.
const wordsPerMinute = 200

// more is the mark behind the first part of a text. Code has it escaped.
var more = regexp.MustCompile(`<!--\s*more\s*-->`)

// cutSummary takes what stands before the mark as the summary, and puts a
// place to link to there.
func (b *body) cutSummary() {
	at := more.FindStringIndex(b.html)
	if at == nil {
		return
	}
	before := b.html[:at[0]]
	b.summary = strings.TrimSpace(before + closing(before))
	b.html = before + `<span id="continue-reading"></span>` + b.html[at[1]:]
}

// closing are the end tags that HTML lacks which was cut off.
func closing(text string) string {
	var open []string
	z := html.NewTokenizer(strings.NewReader(text))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		name, _ := z.TagName()
		switch {
		case kind == html.StartTagToken && !void[string(name)]:
			open = append(open, string(name))
		case kind == html.EndTagToken:
			for i := len(open) - 1; i >= 0; i-- {
				if open[i] == string(name) {
					open = open[:i]
					break
				}
			}
		}
	}
	var ends strings.Builder
	for i := len(open) - 1; i >= 0; i-- {
		ends.WriteString("</" + open[i] + ">")
	}
	return ends.String()
}

// void are the elements that have no end tag.
var void = map[string]bool{"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true,
	"link": true, "meta": true, "source": true, "track": true, "wbr": true}

// minutesFor is how long people take to read so many words.
func minutesFor(words int) int { return (words + wordsPerMinute - 1) / wordsPerMinute }

// countWords counts the words that a reader of HTML sees.
func countWords(text string) int {
	words := 0
	z := html.NewTokenizer(strings.NewReader(text))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		if kind != html.TextToken {
			continue
		}
		for word := range strings.FieldsSeq(string(z.Text())) {
			if strings.IndexFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0 {
				words++
			}
		}
	}
	return words
}
