package site

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"ddc/internal/kdl"
	"ddc/internal/notation"
	"ddc/internal/query"
)

// data is what is in the data folder, by the files' base names.
type data struct {
	values   map[string]any
	warnings []Problem
}

func (d *data) digest(c *canon) {
	c.deep(d.values)
	c.problems(d.warnings)
}

// readFolder reads the files of the data folder into one map by base name. If
// two files have the same base name, the one whose path sorts last wins.
func (s *renderPhase) readFolder(ctx context.Context, ask *query.Ask, _ string) (*data, error) {
	files, err := s.textsIn(ctx, ask, "data", ".json", ".toml", ".yaml", ".yml", ".kdl")
	all := []error{err}
	found := &data{values: map[string]any{}}
	from := map[string]string{}
	for _, file := range sortedKeys(files.Texts) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := files.Names[file]
		value, err := decode(name, path.Ext(file)[1:], files.Texts[file])
		if err != nil {
			all = append(all, fault("", name, err))
			continue
		}
		key := strings.TrimSuffix(path.Base(file), path.Ext(file))
		if first, taken := from[key]; taken {
			found.warnings = append(found.warnings, Problem{File: first, Message: fmt.Sprintf("is not seen: data.%s is made of %s", key, name), Hint: "rename one of the two"})
		}
		found.values[key], from[key] = value, name
	}
	return found, joined(all...)
}

// decode reads a data file of a format. Numbers become int64 or float64 in
// every format. The error is a *diagnostic.Problem.
func decode(file, format, text string) (any, error) {
	var value any
	var err error
	switch format {
	case "json":
		value, err = notation.JSON(text, notation.Data)
	case "toml":
		var table map[string]any
		err = notation.TOML(text, &table, notation.Data)
		value = table
	case "kdl":
		nodes, err := kdl.Parse(file, text)
		return fromKDL(nodes), err
	default:
		value, err = notation.YAML(text, notation.Data)
	}
	if err != nil {
		return nil, err
	}
	return plain(value), nil
}

// plain converts decoded values to the types that templates know: string, bool,
// int64, float64, nil, []any and map[string]any. Anything else becomes its
// text.
func plain(value any) any {
	switch v := value.(type) {
	case nil, string, bool, int64, float64:
		return v
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case int:
		return int64(v)
	case uint64:
		if v > 1<<63-1 {
			return float64(v)
		}
		return int64(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = plain(v[key])
		}
		return m
	default:
		return fmt.Sprint(v)
	}
}

// fromKDL makes a map of nodes. A node becomes its value, or the list of its
// values. A node with properties or children becomes a map of these, with its
// values as "args". Several nodes of one name become a list, as do children
// that are all named -, even if there is one.
func fromKDL(nodes []*kdl.Node) map[string]any {
	m := map[string]any{}
	repeated := map[string][]any{}
	for _, n := range nodes {
		value := kdlNode(n)
		repeated[n.Name] = append(repeated[n.Name], value)
		m[n.Name] = value
		if all := repeated[n.Name]; len(all) > 1 {
			m[n.Name] = all
		}
	}
	return m
}

func kdlNode(n *kdl.Node) any {
	args := make([]any, len(n.Args))
	for i, a := range n.Args {
		args[i] = plain(a.Any)
	}
	if len(n.Props) == 0 && len(n.Children) == 0 {
		switch len(args) {
		case 0:
			return nil
		case 1:
			return args[0]
		default:
			return args
		}
	}
	if len(args) == 0 && len(n.Props) == 0 && !slices.ContainsFunc(n.Children, func(c *kdl.Node) bool { return c.Name != "-" }) {
		items := make([]any, len(n.Children))
		for i, c := range n.Children {
			items[i] = kdlNode(c)
		}
		return items
	}
	m := fromKDL(n.Children)
	for _, p := range n.Props {
		m[p.Key] = plain(p.Value.Any)
	}
	if len(args) > 0 {
		m["args"] = args
	}
	return m
}

// decodeExtra reads the [extra] table of a page. Without one it gives an empty
// map.
func decodeExtra(data []byte) (any, error) {
	if len(data) == 0 {
		return map[string]any{}, nil
	}
	value, err := notation.JSON(string(data), notation.Data)
	return plain(value), err
}
