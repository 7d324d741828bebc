package trial

import "strings"

// sample is a page.
type sample struct{ name, title, text, html string }

// source is the page's whole file.
func (s sample) source() string { return "+++\ntitle = \"" + s.title + "\"\n+++\n" + s.text }

// samples are pages that plugins may not have thought of. They are made when
// they are wanted: every process of the program would begin by making a
// variable.
func samples() []sample {
	return []sample{
		{"an ordinary page", "Introduction", "# Hello\n\nSome *text*, and a [link](/a/).\n\n```rust\nfn main() {}\n```\n",
			"<!DOCTYPE html><html lang=\"en\"><head><title>Introduction</title></head><body><h1 id=\"hello\">Hello</h1><p>Some <em>text</em>, and a <a href=\"/a/\">link</a>.</p></body></html>"},
		{"an empty page", "", "", ""},
		{"a page without tags", "Plain", "just text", "just text"},
		{"other scripts", "Größe 大きさ", "Ünïcödé, 日本語, עברית, 👩‍👩‍👧, and a\u0301.\n", "<!DOCTYPE html><title>Größe 大きさ</title><p>Ünïcödé, 日本語, עברית, 👩‍👩‍👧, and a\u0301.</p>"},
		{"broken HTML", "Broken", "<div><p>never closed\n\n<script>if (a < b) {", "<div><p>never closed<script>if (a < b) {"},
		{"a long page", "Long", strings.Repeat("A line of some words.\n", 50_000), "<!DOCTYPE html><title>Long</title><body>" + strings.Repeat("<p>A line of some words.</p>\n", 50_000)},
	}
}
