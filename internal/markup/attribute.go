package markup

import (
	"strings"

	"golang.org/x/net/html"
)

// Attribute is one of a start tag's attributes, with its place in the source.
type Attribute struct {
	Name       string // lower-cased
	Value      string // entities decoded
	Start, End int    // of the value between its quotes; equal where there is none
	Quote      byte   // '"' or '\'', or 0
	HasValue   bool
	// At and After are where the whole attribute begins and ends.
	At, After int
}

// Attributes are those of one start tag that count, in order.
type Attributes struct {
	List []Attribute
	// Start is where they can begin: behind the tag's name.
	Start int
	// after is where another attribute can be added: behind the last, or at
	// Start.
	after int
}

// Find is the attribute of that name, nil if there is none.
func (a Attributes) Find(name string) *Attribute {
	for i := range a.List {
		if a.List[i].Name == name {
			return &a.List[i]
		}
	}
	return nil
}

// Has reports whether the attribute is there, with or without a value.
func (a Attributes) Has(name string) bool { return a.Find(name) != nil }

// Value is the attribute's value, empty where there is none.
func (a Attributes) Value(name string) string {
	if found := a.Find(name); found != nil {
		return found.Value
	}
	return ""
}

// manyAttributes are looked up in a map, fewer in their list.
const manyAttributes = 8

// scanAttributes finds the attributes of the start tag source[start:end], by
// the rules of the standard's tokenizer (13.2.5.32 and following), which is
// what x/net's follows too; it is done again here because only positions let
// the rest stay as written.
func scanAttributes(source string, start, end int) Attributes {
	i := start + 1
	for i < end && !IsSpace(source[i]) && source[i] != '/' && source[i] != '>' {
		i++
	}
	found := Attributes{Start: i, after: i}
	var known map[string]bool // beside the list, which one tag of a thousand attributes would make slow
	for {
		for i < end && (IsSpace(source[i]) || source[i] == '/') {
			i++
		}
		if i >= end || source[i] == '>' {
			return found
		}
		var a Attribute
		a, i = scanAttribute(source, i, end)
		if a.Quote != 0 || !a.HasValue || a.End > a.Start { // else what is added behind it would be its value
			found.after = a.After
		}
		if known == nil && len(found.List) == manyAttributes {
			known = map[string]bool{}
			for i := range found.List {
				known[found.List[i].Name] = true
			}
		}
		if known[a.Name] || known == nil && found.Has(a.Name) {
			continue // of two, the first counts
		}
		if found.List = append(found.List, a); known != nil {
			known[a.Name] = true
		}
	}
}

// scanAttribute reads the attribute that begins at i and returns the offset to
// go on from.
func scanAttribute(source string, i, end int) (Attribute, int) {
	nameStart := i
	for i++; i < end && !IsSpace(source[i]) && source[i] != '/' && source[i] != '>' && source[i] != '='; {
		i++
	}
	a := Attribute{Name: lower(source[nameStart:i]), Start: i, End: i, At: nameStart, After: i}
	for i < end && IsSpace(source[i]) {
		i++
	}
	if i >= end || source[i] != '=' {
		return a, i
	}
	for i++; i < end && IsSpace(source[i]); {
		i++
	}
	a.Start, a.End, a.After, a.HasValue = i, i, i, true
	if i >= end || source[i] == '>' {
		return a, i
	}
	if quote := source[i]; quote == '"' || quote == '\'' {
		a.Quote = quote
		a.Start = i + 1
		for i++; i < end && source[i] != quote; {
			i++
		}
		a.End, a.After = i, min(i+1, end)
	} else {
		for i < end && !IsSpace(source[i]) && source[i] != '>' {
			i++
		}
		a.End, a.After = i, i
	}
	a.Value = decode(source[a.Start:a.End])
	return a, a.After
}

// lower lowers ASCII letters only, as the standard does: a name may hold any
// other character.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, name)
}

// IsSpace tells what HTML counts as whitespace.
func IsSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'
}

// decode resolves entities as they count inside an attribute, where "&copy=" in
// a URL is no copyright sign: html.UnescapeString knows the rule for texts
// only, so the value goes through the tokenizer.
func decode(raw string) string {
	if strings.IndexByte(raw, '&') < 0 && strings.IndexByte(raw, '\r') < 0 {
		return raw
	}
	tokens := html.NewTokenizer(strings.NewReader(`<a b="` + strings.ReplaceAll(raw, `"`, "&quot;") + `">`))
	tokens.Next()
	tokens.TagName()
	_, value, _ := tokens.TagAttr()
	return string(value)
}

// A carriage return that is written as such is read as a line feed.
var (
	escapeDouble = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "\r", "&#13;")
	escapeSingle = strings.NewReplacer("&", "&amp;", "'", "&#39;", "\r", "&#13;")
)

// Quoted is a value as an attribute has it between double quotes.
func Quoted(value string) string { return escapeDouble.Replace(value) }

// SetAttribute gives an attribute a new value, in the quotes it has.
func (p *Page) SetAttribute(a *Attribute, value string) {
	switch {
	case value == a.Value && a.HasValue:
	case !a.HasValue:
		p.Replace(a.Start, a.End, `="`+escapeDouble.Replace(value)+`"`)
	case a.Quote == '\'':
		p.Replace(a.Start, a.End, escapeSingle.Replace(value))
	case a.Quote == '"':
		p.Replace(a.Start, a.End, escapeDouble.Replace(value))
	default:
		p.Replace(a.Start, a.End, `"`+escapeDouble.Replace(value)+`"`)
	}
}

// AddAttribute adds an attribute behind the others of a start tag.
func (p *Page) AddAttribute(to Attributes, name, value string) {
	p.Insert(to.after, " "+name+`="`+escapeDouble.Replace(value)+`"`)
}
