package html

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// jsonKind says what a JSON text means to a browser.
type jsonKind int

const (
	noJSON    jsonKind = iota
	plainJSON          // data: scripts read it
	ruleJSON           // speculation rules, linked data: URLs may be relative to the page
	importMap
)

// jsonKindOf is the kind of JSON inside the element that a start tag opens.
func jsonKindOf(t markup.Token) jsonKind {
	if t.Kind != html.StartTagToken || t.Name != "script" || t.Foreign || t.Attributes.Has("src") {
		return noJSON
	}
	switch kind := strings.ToLower(strings.TrimSpace(t.Attributes.Value("type"))); {
	case kind == "importmap":
		return importMap
	case kind == "speculationrules", kind == "application/ld+json":
		return ruleJSON
	case strings.HasSuffix(kind, "/json"), strings.HasSuffix(kind, "+json"):
		return plainJSON
	}
	return noJSON
}

// json replaces the strings of a JSON text that are URLs of the site's files,
// and keeps every other byte. Pictures stay what they were, since their readers
// are no browsers that choose among sources.
func (r *rewriter) json(text string, kind jsonKind) string {
	if !json.Valid([]byte(text)) {
		return text
	}
	e := jsonEdit{rewriter: r, kind: kind, source: text}
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			e.open = append(e.open, "")
			i++
		case '}', ']':
			e.open = e.open[:len(e.open)-1]
			i++
		case '"':
			i = e.str(i)
		default:
			i++
		}
	}
	return e.out.String() + text[e.done:]
}

// jsonEdit is a JSON text on its way.
type jsonEdit struct {
	*rewriter
	kind   jsonKind
	source string
	out    strings.Builder
	done   int
	// open has, for each object or array that is open, the key of the value at
	// hand.
	open []string
	// digest is the new digest of the module that an import map's key names.
	digest    string
	hasDigest bool
}

// str reads the string at i, and returns where it ends.
func (e *jsonEdit) str(i int) int {
	end := i + 1
	for ; e.source[end] != '"'; end++ {
		if e.source[end] == '\\' {
			end++
		}
	}
	end++
	var value string
	if json.Unmarshal([]byte(e.source[i:end]), &value) != nil {
		return end
	}
	if isKey := strings.HasPrefix(strings.TrimLeft(e.source[end:], " \t\r\n"), ":"); isKey {
		if e.kind == importMap && len(e.open) > 1 {
			e.importKey(i, end, value)
		}
		if len(e.open) > 0 {
			e.open[len(e.open)-1] = value
		}
		return end
	}
	inside := e.kind == importMap && len(e.open) > 1
	switch {
	case inside && len(e.open) == 2 && e.open[0] == "integrity":
		if e.hasDigest {
			e.replace(i, end, e.digest)
		}
	case inside && strings.HasSuffix(value, "/"):
		e.belowPrefix(i, end, value)
		e.folder(end, e.open[len(e.open)-1], value)
	default:
		if replaced, found := e.address(value); found {
			e.replace(i, end, replaced)
		} else if inside {
			e.belowPrefix(i, end, value)
		}
	}
	return end
}

// importKey replaces a key of an import map: a specifier, the folder of a scope
// or the address of a module.
func (e *jsonEdit) importKey(i, end int, value string) {
	e.digest, e.hasDigest = "", false
	replaced, found := e.address(value)
	switch {
	case found:
		e.digest, e.hasDigest = e.GetIntegrity()[replaced]
		e.replace(i, end, replaced)
	case len(e.open) == 2 && e.open[0] != "imports":
		e.belowPrefix(i, end, value)
	}
}

// belowPrefix puts the prefix before what is surely an address, if it is one of
// this site.
func (e *jsonEdit) belowPrefix(i, end int, value string) {
	if e.lacksPrefix(value) {
		e.replace(i, end, e.GetPrefix()+value)
	}
}

// folder adds, behind the entry that maps a prefix to a folder of the site, an
// entry for each file in it whose name has changed: the longer key wins.
func (e *jsonEdit) folder(end int, prefix, folder string) {
	path, ok := resolvePath(e.base, folder)
	if !ok || !isLocal(folder) || !strings.HasSuffix(prefix, "/") {
		return
	}
	e.out.WriteString(e.source[e.done:end])
	e.done = end
	for _, old := range slices.Sorted(maps.Keys(e.GetUrls())) {
		if rest, below := strings.CutPrefix(old, path); below && rest != "" {
			e.out.WriteString("," + quote(prefix+rest) + ":" + quote(e.GetUrls()[old]))
		}
	}
}

// address is the new URL of a string, if that is surely the URL of a file.
func (e *jsonEdit) address(value string) (string, bool) {
	relative := strings.HasPrefix(value, "./") || strings.HasPrefix(value, "../")
	switch {
	case value == "/" && e.kind == plainJSON: // as likely what stands between two things
	case strings.HasPrefix(value, "/"), hasScheme(value), relative && e.kind != plainJSON:
		return e.original(value)
	}
	return "", false
}

func (e *jsonEdit) replace(start, end int, value string) {
	e.out.WriteString(e.source[e.done:start])
	e.out.WriteString(quote(value))
	e.done = end
}

// quote writes a string of JSON. It escapes what would end a <script>.
func quote(value string) string {
	text, err := json.Marshal(value)
	if err != nil {
		return `""`
	}
	return string(text)
}
