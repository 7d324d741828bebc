package notation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"ddc/internal/diagnostic"
)

// Table is what a mapping holds, and where each of its keys and values stands.
type Table struct {
	Values map[string]any
	// Keys and Places are those of Values.
	Keys, Places map[string]Place
}

func newTable() Table {
	return Table{map[string]any{}, map[string]Place{}, map[string]Place{}}
}

// Place is a line and a column, both from 1.
type Place struct{ Line, Col int }

// Text is a scalar as a YAML text wrote it, where it may mean a number or a
// date; in TOML it is a string.
type Text struct {
	Written string
	Value   any
}

// YAML reads the first document of a text: strings, bools, int64, uint64,
// float64, nil, []any and map[string]any. Dates stay as they are written.
func YAML(text string, within Bounds) (any, error) {
	root, r, err := parseYAML(text, within)
	if root == nil || err != nil {
		return nil, err
	}
	return r.value(root, 1)
}

// YAMLTable reads a document that is a mapping, or empty. Its scalars are Text.
func YAMLTable(text string, within Bounds) (Table, error) {
	root, r, err := parseYAML(text, within)
	if root == nil || err != nil {
		return Table{}, err
	}
	if root.Kind != yaml.MappingNode {
		return Table{}, faultOf(root, "a mapping is expected here, such as: title: My page")
	}
	t := newTable()
	err = r.pairs(root, 1, func(key, value *yaml.Node) error {
		name := keyText(key)
		if _, merged := t.Values[name]; merged {
			return nil
		}
		v, err := r.value(value, 2)
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if value.Kind == yaml.ScalarNode {
			v = Text{value.Value, v}
		}
		t.Values[name], t.Keys[name], t.Places[name] = v, Place{key.Line, key.Column}, Place{value.Line, value.Column}
		return err
	})
	return t, err
}

// The library's errors have lines and no columns. It counts from 0 where its
// parser is at fault, and from 1 where its scanner is.
var (
	lineOf   = regexp.MustCompile(`^line (\d+): (.*)$`)
	byParser = regexp.MustCompile(`^(did not find expected (<|'-'|',' or|key|node content)|found (undefined tag handle|duplicate %|incompatible YAML))`)
)

// parseYAML makes the tree of a text, aliases not resolved. The library makes
// the whole tree at once, so that its nodes are counted before: none begins but
// at the beginning of a line, or after a comma, a bracket, a dash, a colon or a
// question mark.
func parseYAML(text string, within Bounds) (*yaml.Node, *yamlReader, error) {
	separators := 0
	for i := range len(text) {
		switch text[i] {
		case '\n', ',', '[', '{':
			separators++
		case '\r', 0x85, 0xa8, 0xa9:
			if isBreak(text, i) {
				separators++
			}
		case '-', ':', '?':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
				separators++
			}
		}
		if separators > within.Values {
			return nil, nil, faultAt(text, i, "there are more than %d lines, commas and brackets; split the file, or write it as JSON", within.Values)
		}
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		message := strings.TrimPrefix(err.Error(), "yaml: ")
		line := 1
		if m := lineOf.FindStringSubmatch(message); m != nil {
			line, _ = strconv.Atoi(m[1])
			if message = m[2]; byParser.MatchString(message) {
				line++
			}
		}
		return nil, nil, &diagnostic.Problem{Line: line, Col: 1, Message: message}
	}
	if len(document.Content) == 0 {
		return nil, nil, nil
	}
	return document.Content[0], &yamlReader{most: within.Values}, nil
}

// isBreak reports whether one of YAML's line breaks that are not \n ends at i.
func isBreak(text string, i int) bool {
	head := text[:i+1]
	return text[i] == '\r' && !strings.HasPrefix(text[i+1:], "\n") ||
		strings.HasSuffix(head, "\u0085") || strings.HasSuffix(head, "\u2028") || strings.HasSuffix(head, "\u2029")
}

func faultOf(n *yaml.Node, format string, args ...any) *diagnostic.Problem {
	fault := &diagnostic.Problem{Line: n.Line, Col: n.Column, Message: fmt.Sprintf(format, args...)}
	if n.Kind == yaml.ScalarNode && n.Style == 0 { // else it is not written as it is meant
		fault.Length = utf8.RuneCountInString(n.Value)
	}
	return fault
}

// yamlReader makes values of a tree. It walks what an alias stands for each
// time, and counts.
type yamlReader struct{ values, most int }

func (r *yamlReader) count(n *yaml.Node, depth int) error {
	if depth > MaxDepth {
		return faultOf(n, tooDeep, MaxDepth)
	}
	if r.values++; r.values > r.most {
		return faultOf(n, "there are more than %d values, those counted that aliases and merge keys stand for", r.most)
	}
	return nil
}

func (r *yamlReader) value(n *yaml.Node, depth int) (any, error) {
	if err := r.count(n, depth); err != nil {
		return nil, err
	}
	switch n.Kind {
	case yaml.AliasNode:
		v, err := r.value(n.Alias, depth+1)
		if fault, bad := errors.AsType[*diagnostic.Problem](err); bad { // where the alias stands, not what it names
			err = faultOf(n, "%s", fault.Message)
		}
		return v, err
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, err := r.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		err := r.pairs(n, depth, func(key, value *yaml.Node) error {
			name := keyText(key)
			if _, merged := m[name]; merged {
				return nil
			}
			v, err := r.value(value, depth+1)
			m[name] = v
			return err
		})
		return m, err
	default:
		return scalar(n)
	}
}

// pairs visits the pairs of a mapping, then those that it merges: of two with
// one key the first counts.
func (r *yamlReader) pairs(n *yaml.Node, depth int, visit func(key, value *yaml.Node) error) error {
	var merges []*yaml.Node
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if err := r.count(key, depth); err != nil {
			return err
		}
		if key.Kind != yaml.ScalarNode {
			return faultOf(n.Content[i], "a key must be a word or a number, not a list or a mapping")
		}
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		name := keyText(key)
		if line, twice := lines[name]; twice {
			return faultOf(n.Content[i], "the key %q is given twice; it stands in line %d already", name, line)
		}
		lines[name] = key.Line
		if err := visit(key, value); err != nil {
			return err
		}
	}
	for _, m := range merges {
		if err := r.merge(m, depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}

// merge visits the pairs of what a merge key names: a mapping, or a list of
// them.
func (r *yamlReader) merge(n *yaml.Node, depth int, visit func(key, value *yaml.Node) error) error {
	at := n
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if err := r.count(at, depth); err != nil {
		return err
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.pairs(n, depth, visit)
	case yaml.SequenceNode:
		for _, one := range n.Content {
			if err := r.merge(one, depth+1, visit); err != nil {
				return err
			}
		}
		return nil
	}
	return faultOf(at, "a merge key takes a mapping, or a list of mappings")
}

func keyText(key *yaml.Node) string {
	if key.ShortTag() == "!!null" {
		return "null"
	}
	return key.Value
}

// scalar gives a scalar by the tags of YAML's core schema; those of others mean
// nothing.
func scalar(n *yaml.Node) (any, error) {
	tag := n.ShortTag()
	if !strings.HasPrefix(tag, "!!") {
		bare := *n
		bare.Tag = ""
		n, tag = &bare, bare.ShortTag()
	}
	switch tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		var v bool
		if err := n.Decode(&v); err != nil {
			return nil, faultOf(n, "%q is neither true nor false", n.Value)
		}
		return v, nil
	case "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, faultOf(n, "%q is not a number", n.Value)
		}
		if i, whole := v.(int); whole {
			return int64(i), nil
		}
		return v, nil
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, faultOf(n, "this is not base64: %v", err)
		}
		return string(data), nil
	default:
		return n.Value, nil
	}
}
