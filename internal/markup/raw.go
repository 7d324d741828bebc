package markup

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

var (
	scriptEnd = regexp.MustCompile(`(?i)</(script)`)
	styleEnd  = regexp.MustCompile(`(?i)</(style)`)
)

// Script is JavaScript as it can stand inside a <script>. Nothing there is an
// entity, so JavaScript's own escapes keep a string from ending the element, or
// from opening the comment in which a </script> ends nothing. A script that
// does neither stays as it is: an old "<!--" around all of it is no string.
func Script(text string) string {
	if Contains("script", text) {
		return text
	}
	// Not "<\!--": in a regular expression with the flag u that is an error.
	return strings.ReplaceAll(scriptEnd.ReplaceAllString(text, `<\/$1`), "<!--", `\x3C!--`)
}

// Style is CSS as it can stand inside a <style>.
func Style(text string) string { return styleEnd.ReplaceAllString(text, `<\/$1`) }

// Text is a text as it can stand between tags, those of SVG among them.
func Text(text string) string { return escapeText.Replace(text) }

var escapeText = strings.NewReplacer("&", "&amp;", "<", "&lt;", "\r", "&#13;")

// Contains tells whether text, as what a <script> or <style> holds, ends with
// the element's end tag and not before or after. One that has the beginning of
// such a tag is refused too: not everything that reads HTML looks for what ends
// a name.
func Contains(element, text string) bool {
	end := "</" + element + ">"
	switch {
	case !strings.Contains(text, "<"):
		return true
	case strings.Contains(strings.ToLower(text), end[:len(end)-1]):
		return false
	}
	tokens := html.NewTokenizer(strings.NewReader("<" + element + ">" + text + end))
	tokens.Next()
	return tokens.Next() == html.TextToken && string(tokens.Raw()) == text &&
		tokens.Next() == html.EndTagToken && string(tokens.Raw()) == end
}
