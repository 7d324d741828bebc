package svgo

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	tokens "github.com/tdewolff/parse/v2"
	cssParse "github.com/tdewolff/parse/v2/css"
)

// attribute shortens the value of an attribute, if its meaning is known.
func (o *optimiser) attribute(e *element, a *attribute) {
	if a.prefix != "" {
		return
	}
	switch a.name {
	case "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "width", "height", "offset",
		"opacity", "fill-opacity", "stroke-opacity", "stop-opacity", "flood-opacity", "stroke-width", "stroke-miterlimit",
		"stroke-dashoffset", "font-size", "refX", "refY", "markerWidth", "markerHeight":
		a.value = shortLength(a.value)
	case "viewBox", "points":
		a.value = shortNumbers(a.value)
	case "transform", "gradientTransform", "patternTransform":
		a.value = shortTransform(a.value)
	case "d":
		if e.name == "path" && !o.animatesPaths {
			a.value = shortPath(a.value)
		}
	case "fill", "stroke", "color", "stop-color", "flood-color", "lighting-color":
		a.value = shortColour(a.value)
	case "style":
		a.value = shortCSS(a.value, map[string]string{"inline": "1"})
	}
}

// shortLength shortens "10.00px" to "10". Other units stay. Anything but a
// single number with a unit stays as it is.
func shortLength(value string) string {
	trimmed := strings.TrimSpace(value)
	number, unit := tokens.Dimension([]byte(trimmed))
	if number == 0 || number+unit != len(trimmed) {
		return value
	}
	short := shortNumber(trimmed[:number])
	switch suffix := trimmed[number:]; suffix {
	case "", "px":
		return short
	case "%", "em", "ex", "rem", "ch", "pt", "pc", "cm", "mm", "in":
		return short + suffix
	}
	return value
}

// shortNumber writes the same number with fewer characters.
func shortNumber(number string) string { return string(minify.Number([]byte(number), -1)) }

// shortNumbers shortens a list of numbers.
func shortNumbers(value string) string {
	list, ok := numbers(value)
	if !ok {
		return value
	}
	return strings.Join(list, " ")
}

// numbers splits a list of numbers. Two numbers need no separator if the next
// begins with a sign or a second decimal point.
func numbers(value string) ([]string, bool) {
	var list []string
	for rest := value; ; {
		rest = strings.TrimLeft(rest, " \t\r\n,")
		if rest == "" {
			return list, true
		}
		length := tokens.Number([]byte(rest))
		if length == 0 {
			return nil, false
		}
		list = append(list, shortNumber(rest[:length]))
		rest = rest[length:]
	}
}

var transformCall = regexp.MustCompile(`^[\s,]*([a-zA-Z]+)\s*\(([^()]*)\)`)

// shortTransform shortens a list of transformations. It multiplies no matrices,
// since the product would be rounded.
func shortTransform(value string) string {
	var short strings.Builder
	rest := value
	for {
		call := transformCall.FindStringSubmatch(rest)
		if call == nil {
			break
		}
		arguments, ok := numbers(call[2])
		if !ok {
			return value
		}
		short.WriteString(call[1] + "(" + strings.Join(arguments, " ") + ")")
		rest = rest[len(call[0]):]
	}
	if strings.TrimSpace(rest) != "" {
		return value
	}
	return short.String()
}

// shortColour picks the shortest of a colour's names: #ff0000, #f00, red.
func shortColour(value string) string {
	value = strings.TrimSpace(value)
	lower := strings.ToLower(value)
	if strings.HasPrefix(lower, "#") {
		if name, ok := css.ShortenColorHex[lower]; ok {
			return string(name)
		}
		if len(lower) == 7 && lower[1] == lower[2] && lower[3] == lower[4] && lower[5] == lower[6] {
			return string([]byte{'#', lower[1], lower[3], lower[5]})
		}
		return value
	}
	if hex, ok := css.ShortenColorName[css.ToHash([]byte(lower))]; ok {
		return string(hex)
	}
	return value
}

// shortenStyle minifies a style sheet, if it is CSS.
func shortenStyle(e *element) {
	for _, a := range e.attributes {
		if a.name == "type" && a.value != "" && a.value != "text/css" {
			return
		}
	}
	if hasElements(e) || len(e.children) == 0 {
		return
	}
	e.children = []node{text(shortCSS(textOf(e), nil))}
}

// shortCSS minifies CSS. If it cannot be parsed, or would be dropped as a
// whole, it stays as it is.
func shortCSS(source string, parameters map[string]string) string {
	if hasBadCSS(source, parameters != nil) {
		return source
	}
	var short bytes.Buffer
	if err := css.Minify(minify.New(), &short, bytes.NewReader([]byte(source)), parameters); err != nil || len(short.Bytes()) > len(source) {
		return source
	}
	return short.String()
}

// hasBadCSS reports whether the parser finds an error. After an error the
// minifier guesses, and each browser guesses differently.
func hasBadCSS(source string, inline bool) bool {
	p := cssParse.NewParser(tokens.NewInputString(source), inline)
	for {
		if kind, _, _ := p.Next(); kind == cssParse.ErrorGrammar {
			return p.HasParseError()
		}
	}
}
