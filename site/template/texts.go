package template

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"ddc/internal/slug"
)

// The filters of texts.

// reworked makes a filter that makes one text of another. size is how many
// bytes it makes at most, which are paid for before it makes them.
func reworked(f func(text string) (size int, make func() string)) func(*render, value, []value) (value, error) {
	return func(r *render, v value, _ []value) (value, error) {
		text, err := r.input(v)
		if err != nil {
			return undefined, err
		}
		size, make := f(text)
		if err := r.spend(size); err != nil {
			return undefined, err
		}
		return textual(make()), nil
	}
}

func trimStart(text string) (int, func() string) {
	return len(text), func() string { return strings.TrimLeftFunc(text, unicode.IsSpace) }
}

func trimEnd(text string) (int, func() string) {
	return len(text), func() string { return strings.TrimRightFunc(text, unicode.IsSpace) }
}

func trimMatches(cut func(text, pat string) (string, bool)) func(*render, value, []value) (value, error) {
	return func(r *render, v value, args []value) (value, error) {
		text, err := r.input(v)
		if err != nil {
			return undefined, err
		}
		pat, err := textOr(args[0], "pat", "")
		for found := pat != ""; found && err == nil; {
			text, found = cut(text, pat)
			err = r.scan(len(pat))
		}
		return textual(text), err
	}
}

func replace(r *render, v value, args []value) (value, error) {
	text, err := r.input(v)
	if err != nil {
		return undefined, err
	}
	from, err := textOr(args[0], "from", "")
	if err != nil {
		return undefined, err
	}
	to, err := textOr(args[1], "to", "")
	if err != nil {
		return undefined, err
	}
	if from == "" {
		return undefined, &missing{"replace needs a text to look for, and from is empty", "to put something before each letter, write a loop over the text"}
	}
	n := strings.Count(text, from)
	if err := r.spend(len(text) + n*max(0, len(to)-len(from))); err != nil {
		return undefined, err
	}
	return textual(strings.ReplaceAll(text, from, to)), nil
}

func truncate(r *render, v value, args []value) (value, error) {
	text, err := r.input(v)
	if err != nil {
		return undefined, err
	}
	length, err := wholeOr(args[0], "length", 255)
	if err != nil {
		return undefined, err
	}
	end, err := textOr(args[1], "end", "…")
	if err != nil {
		return undefined, err
	}
	at := 0
	for ; length > 0 && at < len(text); length-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	if at == len(text) {
		return textual(text), nil
	}
	return r.concatenate(text[:at], end)
}

func wordCount(r *render, v value, _ []value) (value, error) {
	text, err := r.input(v)
	n, word := 0, false
	for _, c := range text {
		if word != !unicode.IsSpace(c) {
			if word = !word; word {
				n++
			}
		}
	}
	return whole(n), err
}

func addSlashes(text string) (int, func() string) {
	return 2 * len(text), func() string { return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`).Replace(text) }
}

func breaks(text string) (int, func() string) {
	return len(text) + strings.Count(text, "\n")*len("<br>"), func() string {
		return strings.NewReplacer("\r\n", "<br>", "\n", "<br>").Replace(text)
	}
}

var betweenTags = regexp.MustCompile(`>\s+<`)

func spaceless(text string) (int, func() string) {
	return len(text), func() string { return betweenTags.ReplaceAllString(strings.TrimSpace(text), "><") }
}

// stripTags reads HTML as a browser does: a < that begins no tag stays.
func stripTags(text string) (int, func() string) {
	return len(text), func() string {
		var b strings.Builder
		z := html.NewTokenizer(strings.NewReader(text))
		for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
			if kind == html.TextToken {
				b.Write(z.Raw())
			}
		}
		return b.String()
	}
}

func slugify(text string) (int, func() string) {
	return slug.Growth * len(text), func() string { return slug.Of(text) }
}

// urlEncode writes all but letters, digits, _ . - ~ and what is kept as %XX.
func urlEncode(kept string) func(*render, value, []value) (value, error) {
	return reworked(func(text string) (int, func() string) {
		return 3 * len(text), func() string {
			encoded := strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
			if kept != "" {
				encoded = strings.ReplaceAll(encoded, url.QueryEscape(kept), kept)
			}
			return encoded
		}
	})
}

func indent(r *render, v value, args []value) (value, error) {
	text, err := r.input(v)
	if err != nil {
		return undefined, err
	}
	prefix, err := indentation(args[0])
	if err != nil {
		return undefined, err
	}
	first, err := flagOr(args[1], "first", false)
	if err != nil {
		return undefined, err
	}
	blank, err := flagOr(args[2], "blank", false)
	if err != nil {
		return undefined, err
	}
	if err := r.spend(len(text) + len(prefix)*(1+strings.Count(text, "\n"))); err != nil {
		return undefined, err
	}
	var b strings.Builder
	start := true
	for line := range strings.Lines(text) {
		if (!start || first) && (blank || strings.TrimSpace(line) != "") {
			b.WriteString(prefix)
		}
		b.WriteString(line)
		start = false
	}
	return textual(b.String()), nil
}

// indentation is a text, or that many spaces.
func indentation(arg value) (string, error) {
	const most = 100
	n, isNumber := arg.is.(int64)
	switch {
	case !isNumber:
		return textOr(arg, "prefix", "    ")
	case n < 0 || n > most:
		return "", fmt.Errorf("prefix is of 0 to %d spaces", most)
	}
	return strings.Repeat(" ", int(n)), nil
}

func asText(r *render, v value, _ []value) (value, error) {
	text, err := r.text(v)
	return textual(text), err
}
