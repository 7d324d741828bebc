package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/pelletier/go-toml/v2"

	"ddc/site/config/kdl"
)

// scanData reads the files of the data folder into one map by base name, of two
// with the same the one whose path sorts last.
func (b *build) scanData() error {
	texts, names, err := b.texts("data", ".json", ".toml", ".yaml", ".yml", ".kdl")
	faults := []error{err}
	b.data = map[string]any{}
	from := map[string]string{}
	for _, file := range sortedKeys(texts) {
		value, err := decode(names[file], texts[file])
		if err != nil {
			faults = append(faults, Errors{problemIn(names[file], err.Error())})
			continue
		}
		key := strings.TrimSuffix(path.Base(file), path.Ext(file))
		if first, taken := from[key]; taken {
			b.warn(Problem{File: first, Message: fmt.Sprintf("is not seen: data.%s is made of %s", key, names[file]), Hint: "rename one of the two"})
		}
		b.data[key], from[key] = value, names[file]
	}
	return joined(faults)
}

// decode reads a data file by its extension. Numbers come out as int64 or
// float64, whatever the format. The error starts with file:line:col where known.
func decode(file, text string) (any, error) {
	switch path.Ext(file) {
	case ".json":
		return decodeJSON(file, text)
	case ".toml":
		var value map[string]any
		err := toml.Unmarshal([]byte(text), &value)
		var bad *toml.DecodeError
		if errors.As(err, &bad) {
			line, col := bad.Position()
			return nil, fmt.Errorf("%s:%d:%d: %s", file, line, col, strings.TrimPrefix(bad.Error(), "toml: "))
		}
		return plain(value), err
	case ".kdl":
		nodes, err := kdl.Parse(file, text)
		return fromKDL(nodes), err
	default:
		var value any
		err := yaml.Unmarshal([]byte(text), &value)
		var bad yaml.Error
		if errors.As(err, &bad) && bad.GetToken() != nil {
			at := bad.GetToken().Position
			return nil, fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Column, bad.GetMessage())
		}
		return plain(value), err
	}
}

func decodeJSON(file, text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	err := d.Decode(&value)
	if err == nil && d.More() {
		err = errors.New("there is something after the value")
	}
	if err != nil {
		offset := d.InputOffset()
		var bad *json.SyntaxError
		if errors.As(err, &bad) {
			offset = bad.Offset
		}
		before := text[:min(max(int(offset)-1, 0), len(text))]
		line := strings.Count(before, "\n") + 1
		return nil, fmt.Errorf("%s:%d:%d: %w", file, line, len(before)-strings.LastIndexByte(before, '\n'), err)
	}
	return plain(value), nil
}

// plain brings decoded values to what templates know: string, bool, int64,
// float64, nil, []any and map[string]any; anything else becomes its text.
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

// fromKDL makes a map of nodes. A node is its value, the list of its values, or,
// where it has properties or children, a map of those with its values as "args".
// Several nodes of one name are a list.
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
	m := fromKDL(n.Children)
	for _, p := range n.Props {
		m[p.Key] = plain(p.Value.Any)
	}
	if len(args) > 0 {
		m["args"] = args
	}
	return m
}

// decodeExtra reads the [extra] table of a page; empty where there is none.
func decodeExtra(data []byte) (any, error) {
	if len(data) == 0 {
		return map[string]any{}, nil
	}
	return decodeJSON("extra", string(data))
}
