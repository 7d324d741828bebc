package site

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/proto"

	"ddc/internal/query"
)

// coder writes a value as bytes, equal ones as equal bytes, or reads it back:
// what a value has is said once, by its method code.
type coder struct {
	reading bool
	out     []byte
	rest    string // what is still to be read
	err     error
}

// codable is a value that can be kept from one process to the next.
type codable interface{ code(c *coder) }

// coded is the codec of pointers to T.
type coded[T any, P interface {
	*T
	codable
}] struct{}

func (coded[T, P]) Encode(v P) ([]byte, error) { return written(v) }

func (coded[T, P]) Append(to []byte, v P) ([]byte, error) {
	c := &coder{out: to}
	v.code(c)
	return c.out, c.err
}

func (coded[T, P]) Decode(text []byte) (P, error) {
	v := P(new(T))
	c := &coder{reading: true, rest: string(text)}
	v.code(c)
	if c.err == nil && c.rest != "" {
		c.err = errShort
	}
	return v, c.err
}

func byCode[T any, P interface {
	*T
	codable
}]() query.Codec[P] {
	return coded[T, P]{}
}

func written(v codable) ([]byte, error) {
	c := &coder{}
	v.code(c)
	return c.out, c.err
}

var errShort = errors.New("these are not the bytes of a kept value")

func (c *coder) fail(err error) { c.err = errors.Join(c.err, err) }

// number codes any integer.
func number[N ~int | ~int32 | ~int64](c *coder, n *N) {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, int64(*n))
		return
	}
	v, size := uint64(0), 0
	for ; size < len(c.rest) && size < binary.MaxVarintLen64; size++ {
		b := c.rest[size]
		v |= uint64(b&0x7f) << (7 * size)
		if b < 0x80 {
			c.rest = c.rest[size+1:]
			*n = N(int64(v>>1) ^ -int64(v&1))
			return
		}
	}
	c.rest = ""
	c.fail(errShort)
}

// count codes how many things follow, each of a byte at least.
func (c *coder) count(n int) int {
	number(c, &n)
	if n < 0 || c.reading && n > len(c.rest) {
		c.rest = ""
		c.fail(errShort)
		return 0
	}
	return n
}

func (c *coder) text(s *string) {
	n := c.count(len(*s))
	if !c.reading {
		c.out = append(c.out, *s...)
		return
	}
	*s, c.rest = c.rest[:n], c.rest[n:]
}

func (c *coder) bytes(b *[]byte) {
	n := c.count(len(*b))
	if !c.reading {
		c.out = append(c.out, *b...)
		return
	}
	*b, c.rest = []byte(c.rest[:n]), c.rest[n:]
}

func (c *coder) flag(f *bool) {
	n := 0
	if *f {
		n = 1
	}
	number(c, &n)
	*f = n == 1
}

// list codes a list. An empty one is read as nil.
func list[T any](c *coder, all *[]T, one func(*T)) {
	n := c.count(len(*all))
	if c.reading {
		*all = nil
		if n > 0 {
			*all = make([]T, n)
		}
	}
	for i := range *all {
		one(&(*all)[i])
	}
}

// dict codes a map, sorted by key.
func dict[V any](c *coder, all *map[string]V, one func(*V)) {
	n := c.count(len(*all))
	if c.reading {
		*all = make(map[string]V, n)
		for range n {
			var key string
			var v V
			c.text(&key)
			one(&v)
			(*all)[key] = v
		}
		return
	}
	for _, key := range sortedKeys(*all) {
		v := (*all)[key]
		c.text(&key)
		one(&v)
	}
}

func (c *coder) texts(all *[]string) { list(c, all, c.text) }

func (c *coder) set(all *map[string]bool) { dict(c, all, c.flag) }

// message codes what a plugin has said.
func (c *coder) message(m proto.Message) {
	if !c.reading {
		options := proto.MarshalOptions{Deterministic: true}
		c.count(options.Size(m))
		options.UseCachedSize = true
		var err error
		c.out, err = options.MarshalAppend(c.out, m)
		c.fail(err)
		return
	}
	var encoded []byte
	c.bytes(&encoded)
	c.fail(proto.Unmarshal(encoded, m))
}

// messages codes a list of what plugins have said.
func messages[T any, P interface {
	*T
	proto.Message
}](c *coder, all *[]P) {
	list(c, all, func(m *P) {
		if c.reading {
			*m = P(new(T))
		}
		c.message(*m)
	})
}

// problems codes warnings.
func (c *coder) problems(all *[]Problem) {
	var encoded []byte
	if !c.reading && len(*all) > 0 {
		var err error
		encoded, err = json.Marshal(*all)
		c.fail(err)
	}
	c.bytes(&encoded)
	if c.reading && len(encoded) > 0 {
		c.fail(json.Unmarshal(encoded, all))
	}
}

// sum codes a fingerprint.
func (c *coder) sum(f *query.Fingerprint) {
	digest := f[:]
	c.bytes(&digest)
	if len(digest) != len(f) {
		c.fail(errShort)
		return
	}
	copy(f[:], digest)
}

// coded writes a value that can be kept.
func (c *canon) coded(v codable) {
	encoded, err := written(v)
	c.fail(err)
	c.text(string(encoded))
}

// textCodec is that of texts, which are their own encoding.
type textCodec struct{}

func (textCodec) Encode(v string) ([]byte, error)            { return []byte(v), nil }
func (textCodec) Append(to []byte, v string) ([]byte, error) { return append(to, v...), nil }
func (textCodec) Decode(text []byte) (string, error)         { return string(text), nil }

var text textCodec
