// Package query remembers the answers to questions, and which other answers
// each was made from, so that a question whose ground has not moved is not
// worked out again.
//
//	files := query.NewInput(engine, "file", query.JSON[Stamp](), look)
//	title := query.New(engine, "title", query.JSON[string](), func(ctx context.Context, ask *query.Ask, key string) (string, error) {
//		stamp, err := files.Get(ctx, ask, key)
//		...
//	})
//	err := engine.Run(ctx, func(ctx context.Context, ask *query.Ask) error {
//		text, err := title.Get(ctx, ask, "content/_index.md")
//		...
//	})
//
// # Words
//
// An ID is a query's name and a key. A query says how the answer to an ID is
// found: an Input looks at the world, a Query reads inputs and other queries
// through its Ask, and a Call is a pure function of its argument, of which the
// key is a digest. An answer is a value or an error with its fingerprint, and
// with what was read for it: IDs and the fingerprints these had.
//
// # Method
//
// The engine is a rebuilder by verifying traces (Mokhov, Mitchell and Peyton
// Jones, Build Systems à la Carte, 2018, section 4.2.2) with the marking of
// rustc's and salsa's red-green algorithm: in a revision an answer is looked at
// once. It holds if each ID that it read, asked again in the order in which it
// was read, has the fingerprint which it had; else it is worked out anew. An
// answer that comes out the same has the same fingerprint, and so those that
// read it hold: the wave stops there (early cutoff).
//
// The engine also knows who read an answer. A change of an input raises a doubt
// about all that was made from it, by however many steps. An answer that comes
// out the same takes its doubt back. An answer without a doubt holds
// without a look.
//
// # From one process to the next
//
// A Snapshot is what an engine knows, without the values. Restore puts it into
// a new engine, which then is as the old one was: the owner of the inputs says
// which may have changed since (Changed, Revise), and the rest holds. A value
// is read when somebody asks for it. Some of those that are read are worked
// out again and compared (Options.Check). Answers of calls are kept one by one,
// in a Store.
//
// # Invariants
//
//   - An answer that is handed out is the one that a new engine would work out
//     from the same inputs. It rests on what a query promises: its function
//     reads nothing but through its Ask, and its codec gives equal bytes for
//     equal values.
//   - The order of reads is kept. A read that was made because of what an
//     earlier one said is asked again only if that one says the same still, so
//     nothing is worked out, and no cycle found, that a new engine would not
//     meet.
//   - What is missing is read like what is there: an input answers for a key
//     with nothing behind it too. An error that Options.Errors can encode is an
//     answer, with reads of its own. Any other is told to those who asked, and
//     forgotten.
//   - Within a revision inputs do not change: Changed waits until each Run is
//     over.
//   - An ID is worked out by one goroutine at a time; the others wait for it.
//     Those that wait for each other in a circle are told so (ErrCycle), never
//     left.
package query

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrCycle is in the error of a question whose answer needs itself. The error's
// text names the circle. It is a fault of the queries, or of what they were
// told.
var ErrCycle = errors.New("the answer needs itself")

// errNoArgument says that a call's answer is not remembered, and cannot be
// worked out for lack of the argument: the caller that has it must ask.
var errNoArgument = errors.New("the call's argument is gone")

// ID names an answer: which query, and about what.
type ID struct{ Query, Key string }

func (id ID) String() string { return fmt.Sprintf("%s(%s)", id.Query, id.Key) }

// Fingerprint is a digest of an answer. Answers with equal fingerprints are
// equal.
type Fingerprint [sha256.Size]byte

// Codec turns a query's values into bytes, and back. Equal values must have
// equal bytes, in every process.
type Codec[V any] interface {
	Encode(V) ([]byte, error)
	Decode([]byte) (V, error)
}

// Appender is a Codec that can write into room that is there. Append puts the
// value's bytes behind to; Encode gives the same bytes.
type Appender[V any] interface {
	Append(to []byte, v V) ([]byte, error)
}

// JSON is a codec by encoding/json, whose maps are sorted by key.
func JSON[V any]() Codec[V] { return jsonCodec[V]{} }

type jsonCodec[V any] struct{}

func (jsonCodec[V]) Encode(v V) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec[V]) Decode(text []byte) (v V, err error) {
	err = json.Unmarshal(text, &v)
	return v, err
}

// Bytes is a codec for bytes, which are their own encoding. They are not to be
// written to.
func Bytes() Codec[[]byte] { return bytesCodec{} }

type bytesCodec struct{}

func (bytesCodec) Encode(v []byte) ([]byte, error)    { return v, nil }
func (bytesCodec) Decode(text []byte) ([]byte, error) { return text, nil }

// kind is a query without its types.
type kind struct {
	name    string
	input   bool // looked at anew in every revision in which it may have changed
	call    bool // a function of arg alone; answers for ever
	large   bool // its values are not kept in memory if a store has them
	unkept  bool // its values are not in snapshots
	spills  bool // its values may be put away, where there is no room
	compute func(ctx context.Context, ask *Ask, key string, arg any) (any, error)
	encode  func(any) ([]byte, error)
	append  func(to []byte, v any) ([]byte, error) // nil for one that is no Appender
	decode  func([]byte) (any, error)
}

func newKind[V any](name string, codec Codec[V]) *kind {
	k := &kind{name: name,
		encode: func(v any) ([]byte, error) { return codec.Encode(v.(V)) },
		decode: func(text []byte) (any, error) { return codec.Decode(text) },
	}
	if a, can := codec.(Appender[V]); can {
		k.append = func(to []byte, v any) ([]byte, error) { return a.Append(to, v.(V)) }
	}
	return k
}

// Query answers for keys with a V, from inputs and other queries.
type Query[V any] struct {
	engine *Engine
	kind   *kind
}

// Option changes how a query is kept.
type Option func(*kind)

// Large says that values are big. A store that keeps them has them alone; each
// Get reads them from there.
func Large(k *kind) { k.large = true }

// Unkept says that values are not in snapshots: an engine that is restored
// knows whether the answer holds, and works it out if somebody asks for the
// value. It is for values that are cheap, or cannot be written down.
func Unkept(k *kind) { k.unkept = true }

// Spilt says that values are many, and each is asked for by few: where there is
// no room for them they are put away (Options.Spill), and read for whoever
// asks.
func Spilt(k *kind) { k.spills = true }

// New adds a query to the engine. Compute reads through ask only. New panics if
// the engine has a query of that name: names are written in the program.
func New[V any](e *Engine, name string, codec Codec[V], compute func(ctx context.Context, ask *Ask, key string) (V, error), options ...Option) *Query[V] {
	k := newKind(name, codec)
	k.compute = func(ctx context.Context, ask *Ask, key string, _ any) (any, error) { return compute(ctx, ask, key) }
	return &Query[V]{e, e.add(k, options)}
}

// NewInput adds an input: look says what is there for a key now, also if
// nothing is. It is asked once in a revision in which the key may have changed.
func NewInput[V any](e *Engine, name string, codec Codec[V], look func(ctx context.Context, key string) (V, error), options ...Option) *Query[V] {
	k := newKind(name, codec)
	k.input = true
	k.compute = func(ctx context.Context, _ *Ask, key string, _ any) (any, error) { return look(ctx, key) }
	return &Query[V]{e, e.add(k, options)}
}

// ID is the name of the answer for key.
func (q *Query[V]) ID(key string) ID { return ID{q.kind.name, key} }

// Get answers for key, and records for ask that it was read. The error is the
// answer's own; or it says why there is none: ErrCycle, ctx's, or what failed.
func (q *Query[V]) Get(ctx context.Context, ask *Ask, key string) (V, error) {
	return get[V](ctx, ask, q.kind, key, nil)
}

// Touch is Get for those who need no value, only that there is one: it is not
// read from where it is kept. The error is as that of Get.
func (q *Query[V]) Touch(ctx context.Context, ask *Ask, key string) error {
	_, err := q.Fingerprint(ctx, ask, key)
	return err
}

// Fingerprint is Touch, and gives the answer's fingerprint: of a value whose
// codec gives b that is Digest(b).
func (q *Query[V]) Fingerprint(ctx context.Context, ask *Ask, key string) (Fingerprint, error) {
	a, err := find(ctx, ask, q.kind, key, nil, false)
	if err != nil {
		return Fingerprint{}, err
	}
	if a.failed {
		if a, err = find(ctx, ask, q.kind, key, nil, true); err == nil {
			err = a.err
		}
	}
	return *a.fingerprint, err
}

// Last is the value that was found last for key, whatever errors came after it.
// It may not hold any more: nothing is asked, and nothing recorded. It is for a
// guess that is put right afterwards. False is for none.
func (q *Query[V]) Last(key string) (v V, ok bool) {
	e := q.engine
	e.mu.Lock()
	var a *answer
	if n := e.nodes[q.ID(key)]; n != nil {
		if a = n.answer; a != nil && a.failed {
			a = n.value
		}
	}
	e.mu.Unlock()
	if a == nil {
		return v, false
	}
	if a.bare {
		if a, ok = e.read(q.kind, a); !ok {
			return v, false
		}
	}
	v, ok = a.value.(V)
	return v, ok
}

// All answers for keys, several at once; none is asked because of another's
// answer. The error is that of the first key in order which has one.
func (q *Query[V]) All(ctx context.Context, ask *Ask, keys []string) ([]V, error) {
	values, failures := make([]V, len(keys)), make([]error, len(keys))
	err := ask.together(keys, func(i int, in *Ask) error {
		values[i], failures[i] = get[V](ctx, in, q.kind, keys[i], nil)
		return nil
	})
	for _, failure := range failures {
		if err == nil {
			err = failure
		}
	}
	return values, err
}

// Call answers with a V for an argument A. It is a pure function: the key says
// all that the answer depends on.
type Call[A, V any] struct {
	kind *kind
	key  func(A) string
}

// NewCall adds a call. Key digests whatever the answer depends on: the
// argument, and the program and versions which answer.
func NewCall[A, V any](e *Engine, name string, codec Codec[V], key func(A) string, do func(ctx context.Context, arg A) (V, error), options ...Option) *Call[A, V] {
	k := newKind(name, codec)
	k.call = true
	k.compute = func(ctx context.Context, _ *Ask, _ string, arg any) (any, error) {
		if arg == nil {
			return nil, errNoArgument
		}
		return do(ctx, *arg.(*A))
	}
	return &Call[A, V]{e.add(k, options), key}
}

// Get answers for arg, from memory, from the store, or by doing it.
func (c *Call[A, V]) Get(ctx context.Context, ask *Ask, arg A) (V, error) {
	return get[V](ctx, ask, c.kind, c.key(arg), &arg)
}

// get hands an answer out, and records that ask has read it.
func get[V any](ctx context.Context, ask *Ask, k *kind, key string, arg any) (v V, err error) {
	a, err := find(ctx, ask, k, key, arg, true)
	if err != nil {
		return v, err
	}
	if a.err != nil {
		return v, a.err
	}
	return a.value.(V), nil
}

// find finds an answer, whole if it is to have its value, and records that ask
// has read it.
func find(ctx context.Context, ask *Ask, k *kind, key string, arg any, whole bool) (*answer, error) {
	n := ask.engine.node(k, key)
	place, err := ask.begin(n)
	if err != nil {
		return nil, err
	}
	a, err := ask.engine.answer(ctx, ask.run, n, arg, whole)
	if err != nil {
		return nil, ask.spoil(err)
	}
	ask.end(place, n, a)
	return a, nil
}
