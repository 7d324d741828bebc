package site

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"ddc/internal/diagnostic"
	"ddc/site/template"
)

// canon writes values as bytes, equal ones as equal bytes, for their
// fingerprints.
type canon struct {
	out []byte
	err error
	// later, if not nil, makes the values that are left for later. Else they
	// are all alike.
	later func(template.Later) any
}

func (c *canon) fail(err error) { c.err = errors.Join(c.err, err) }

func (c *canon) number(n int64) { c.out = binary.AppendVarint(c.out, n) }

func (c *canon) text(s string) {
	c.number(int64(len(s)))
	c.out = append(c.out, s...)
}

func (c *canon) flag(f bool) {
	if f {
		c.number(1)
	} else {
		c.number(0)
	}
}

// problems writes warnings.
func (c *canon) problems(all []Problem) {
	c.number(int64(len(all)))
	for _, p := range all {
		c.text(p.String())
	}
}

// shallow writes what a value is, without the values in it: of a list how many
// items it has, of a dict which fields.
func (c *canon) shallow(v any) {
	switch v := v.(type) {
	case nil:
		c.out = append(c.out, 'n')
	case bool:
		c.out = append(c.out, 'b')
		c.flag(v)
	case int:
		c.shallow(int64(v))
	case int64:
		c.out = append(c.out, 'i')
		c.number(v)
	case float64:
		c.out = append(c.out, 'f')
		c.out = binary.LittleEndian.AppendUint64(c.out, math.Float64bits(v))
	case string:
		c.out = append(c.out, 's')
		c.text(v)
	case []any:
		c.out = append(c.out, 'l')
		c.number(int64(len(v)))
	case map[string]any:
		c.out = append(c.out, 'm')
		c.number(int64(len(v)))
		for _, key := range sortedKeys(v) {
			c.text(key)
		}
	case template.Later:
		if c.later != nil {
			c.deep(c.later(v))
			return
		}
		c.out = append(c.out, 'L')
	default:
		c.fail(fmt.Errorf("a template's value is a %T", v))
	}
}

// deep writes a value with all that is in it.
func (c *canon) deep(v any) {
	c.shallow(v)
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			c.deep(item)
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			c.deep(v[key])
		}
	}
}

// digested is a value that writes itself.
type digested interface{ digest(c *canon) }

// canonical is the codec of values that live in memory alone (query.Unkept): it
// gives them fingerprints, and nobody reads them back.
type canonical[V any] struct{ write func(c *canon, v V) }

func (d canonical[V]) Encode(v V) ([]byte, error) {
	var c canon
	d.write(&c, v)
	return c.out, c.err
}

var errNotKept = errors.New("the value is kept in memory alone")

func (canonical[V]) Decode([]byte) (v V, err error) { return v, errNotKept }

func byDigest[V digested]() canonical[V] {
	return canonical[V]{func(c *canon, v V) { v.digest(c) }}
}

func sortedKeys[K interface {
	~string | ~int
}, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

// siteFaults says which errors are answers: the site's faults, until what they
// were made of changes. A failure of the machinery is told, and forgotten.
type siteFaults struct{}

func (siteFaults) Encode(err error) ([]byte, bool) {
	faults := diagnostic.Of(err)
	if faults == nil {
		return nil, false
	}
	encoded, failure := json.Marshal(faults)
	return encoded, failure == nil
}

func (siteFaults) Decode(encoded []byte) error {
	var faults Errors
	if err := json.Unmarshal(encoded, &faults); err != nil {
		return nil
	}
	return faults
}
