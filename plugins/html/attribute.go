package html

import (
	"strings"

	"golang.org/x/net/html"
)

// attribute is one of a start tag's attributes, with its place in the source.
type attribute struct {
	name       string // lower-cased
	value      string // entities decoded
	start, end int    // of the value between its quotes; equal where there is none
	quote      byte   // '"' or '\'', or 0
	hasValue   bool
	after      int // offset behind the whole attribute
}

// attributes are those of one start tag that count, in order.
type attributes struct {
	list []attribute
	// after is where another attribute can be added: behind the last, or behind the tag's name.
	after int
}

// find is the attribute of that name, nil if there is none.
func (a attributes) find(name string) *attribute {
	for i := range a.list {
		if a.list[i].name == name {
			return &a.list[i]
		}
	}
	return nil
}

// has reports whether the attribute is there, with or without a value.
func (a attributes) has(name string) bool { return a.find(name) != nil }

// value is the attribute's value, empty where there is none.
func (a attributes) value(name string) string {
	if found := a.find(name); found != nil {
		return found.value
	}
	return ""
}

// scanAttributes finds the attributes of the start tag source[start:end], by the rules of the standard's tokenizer (13.2.5.32 and
// following), which is what x/net's follows too; it is done again here because only positions let the rest stay as written.
func scanAttributes(source string, start, end int) attributes {
	i := start + 1
	for i < end && !isSpace(source[i]) && source[i] != '/' && source[i] != '>' {
		i++
	}
	found := attributes{after: i}
	for {
		for i < end && (isSpace(source[i]) || source[i] == '/') {
			i++
		}
		if i >= end || source[i] == '>' {
			return found
		}
		var a attribute
		a, i = scanAttribute(source, i, end)
		found.after = a.after
		if !found.has(a.name) { // of two, the first counts
			found.list = append(found.list, a)
		}
	}
}

// scanAttribute reads the attribute that begins at i and returns the offset to go on from.
func scanAttribute(source string, i, end int) (attribute, int) {
	nameStart := i
	for i++; i < end && !isSpace(source[i]) && source[i] != '/' && source[i] != '>' && source[i] != '='; {
		i++
	}
	a := attribute{name: lower(source[nameStart:i]), start: i, end: i, after: i}
	for i < end && isSpace(source[i]) {
		i++
	}
	if i >= end || source[i] != '=' {
		return a, i
	}
	for i++; i < end && isSpace(source[i]); {
		i++
	}
	a.start, a.end, a.after, a.hasValue = i, i, i, true
	if i >= end || source[i] == '>' {
		return a, i
	}
	if quote := source[i]; quote == '"' || quote == '\'' {
		a.quote = quote
		a.start = i + 1
		for i++; i < end && source[i] != quote; {
			i++
		}
		a.end, a.after = i, min(i+1, end)
	} else {
		for i < end && !isSpace(source[i]) && source[i] != '>' {
			i++
		}
		a.end, a.after = i, i
	}
	a.value = decode(source[a.start:a.end])
	return a, a.after
}

// lower lowers ASCII letters only, as the standard does: a name may hold any other character.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, name)
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'
}

// decode resolves entities as they count inside an attribute, where "&copy=" in a URL is no copyright sign: html.UnescapeString
// knows the rule for texts only, so the value goes through the tokenizer.
func decode(raw string) string {
	if !strings.ContainsAny(raw, "&\r") {
		return raw
	}
	tokens := html.NewTokenizer(strings.NewReader(`<a b="` + strings.ReplaceAll(raw, `"`, "&quot;") + `">`))
	tokens.Next()
	tokens.TagName()
	_, value, _ := tokens.TagAttr()
	return string(value)
}

var escapeDouble = strings.NewReplacer("&", "&amp;", `"`, "&quot;")
var escapeSingle = strings.NewReplacer("&", "&amp;", "'", "&#39;")

// setAttribute gives an attribute a new value, in the quotes it has.
func (p *page) setAttribute(a *attribute, value string) {
	switch {
	case value == a.value && a.hasValue:
	case !a.hasValue:
		p.replace(a.start, a.end, `="`+escapeDouble.Replace(value)+`"`)
	case a.quote == '\'':
		p.replace(a.start, a.end, escapeSingle.Replace(value))
	case a.quote == '"':
		p.replace(a.start, a.end, escapeDouble.Replace(value))
	default:
		p.replace(a.start, a.end, `"`+escapeDouble.Replace(value)+`"`)
	}
}

// addAttribute adds an attribute behind the others of a start tag.
func (p *page) addAttribute(to attributes, name, value string) {
	p.insert(to.after, " "+name+`="`+escapeDouble.Replace(value)+`"`)
}
