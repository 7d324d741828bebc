package rpc

import (
	"math"
	"reflect"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A protobuf message can be much larger decoded than on the wire: an empty
// message within another is two bytes there, and a hundred here. So before a
// message is decoded it is known how many fields it has, and about how much
// memory they take.
//
// For most messages their length says enough: n bytes hold at most n/2 fields,
// and the worst field of a type says what those take. Only where that could be
// over a bound is the wire scanned, once from front to back, without an
// allocation. The scan knows the message's type: on the wire alone, bytes look
// like a message.

// unscanned is the length up to which nothing is asked about a message: it makes
// two thousand fields at most, and some 200 kB.
const unscanned = 4 << 10

// What decoding costs beside the bytes of a text, in bytes of memory.
const (
	perText    = 16 // an allocation of its own is rounded up
	perElement = 2  // a slice grows by doubling
	perEntry   = 112
	perOneof   = 16
	// perUnknown is for each byte of what no field is known for: it is kept, in a slice that grows.
	perUnknown = 2
)

// shape is what the scan knows of a message type.
type shape struct {
	size   int64 // of the Go struct
	dense  []field
	sparse map[protowire.Number]field // those whose numbers dense has no place for

	// perByte is how much memory each byte on the wire can come to, at most, and
	// depth how deep messages can lie within it: math.MaxInt if without end.
	perByte int64
	depth   int
}

// field is what the scan knows of a field. The zero field is an unknown one.
type field struct {
	known   bool
	list    bool // or a map
	wire    protowire.Type
	cost    int64 // of one element, without the bytes of a text and what is in a message
	packed  int64 // of one element in a packed list; 0 if there can be none
	message *shape
}

// maxDense is the highest field number that has a place in shape.dense.
const maxDense = 127

func (s *shape) field(n protowire.Number) field {
	if int(n) < len(s.dense) {
		return s.dense[n]
	}
	return s.sparse[n]
}

// shapes are the shapes of the types that were received. Any goroutine may use it.
type shapes struct {
	known sync.Map // protoreflect.MessageType to *shape
}

func (s *shapes) of(t protoreflect.MessageType) *shape {
	if known, ok := s.known.Load(t); ok {
		return known.(*shape)
	}
	made := shapeOf(t, map[protoreflect.FullName]*shape{})
	made.depth = made.depthWithin(map[*shape]bool{})
	made.perByte = made.worst(map[*shape]bool{})
	known, _ := s.known.LoadOrStore(t, made)
	return known.(*shape)
}

// shapeOf makes the shape of a type, and of those within. made has those of the
// same tree, since a type may contain itself.
func shapeOf(t protoreflect.MessageType, made map[protoreflect.FullName]*shape) *shape {
	name := t.Descriptor().FullName()
	if s := made[name]; s != nil {
		return s
	}
	zero := t.New()
	s := &shape{size: sizeOf(zero), sparse: map[protowire.Number]field{}}
	made[name] = s
	fields := t.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		f := fieldOf(zero, fd, made)
		n := int(fd.Number())
		if n > maxDense {
			s.sparse[fd.Number()] = f
			continue
		}
		for len(s.dense) <= n {
			s.dense = append(s.dense, field{})
		}
		s.dense[n] = f
	}
	return s
}

func fieldOf(parent protoreflect.Message, fd protoreflect.FieldDescriptor, made map[protoreflect.FullName]*shape) field {
	f := field{known: true, wire: wireOf(fd.Kind())}
	if fd.ContainingOneof() != nil {
		f.cost += perOneof
	}
	switch {
	case fd.IsMap():
		f.list = true
		f.cost, f.message = perEntry, entryShape(parent, fd, made)
	case fd.IsList():
		f.list = true
		list := parent.NewField(fd).List()
		switch {
		case fd.Message() != nil:
			f.cost, f.message = perElement*8, shapeOf(list.NewElement().Message().Type(), made)
		case f.wire == protowire.BytesType:
			f.cost = perElement*24 + perText // a slice of bytes is three words
		default:
			f.packed = 8
			f.cost = perElement * 8
		}
	case fd.Message() != nil:
		f.message = shapeOf(parent.NewField(fd).Message().Type(), made)
	case f.wire == protowire.BytesType:
		f.cost += perText
	}
	return f
}

// entryShape is that of a map's entries: two fields, which no Go struct has.
func entryShape(parent protoreflect.Message, fd protoreflect.FieldDescriptor, made map[protoreflect.FullName]*shape) *shape {
	key, value := field{known: true, wire: wireOf(fd.MapKey().Kind()), cost: perText}, field{known: true, wire: wireOf(fd.MapValue().Kind()), cost: perText}
	if fd.MapValue().Message() != nil {
		value.message = shapeOf(parent.NewField(fd).Map().NewValue().Message().Type(), made)
	}
	return &shape{dense: []field{{}, key, value}}
}

// sizeOf is the size of the struct that holds a message.
func sizeOf(m protoreflect.Message) int64 {
	t := reflect.TypeOf(m.Interface())
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return int64(t.Size()) + perText
}

func wireOf(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	default:
		return protowire.VarintType
	}
}

// all calls f for each known field.
func (s *shape) all(f func(field)) {
	for _, known := range s.dense {
		if known.known {
			f(known)
		}
	}
	for _, known := range s.sparse {
		f(known)
	}
}

// depthWithin is how deep messages lie in s. within has those that s is in.
func (s *shape) depthWithin(within map[*shape]bool) int {
	if within[s] {
		return math.MaxInt
	}
	within[s] = true
	defer delete(within, s)
	deepest := 0
	s.all(func(f field) {
		if f.message != nil {
			if d := f.message.depthWithin(within); d == math.MaxInt {
				deepest = d
			} else {
				deepest = max(deepest, d+1)
			}
		}
	})
	return deepest
}

// worst is the most memory for a byte of the wire, of all fields in s and below:
// a field has a byte of tag and one of content at least. Of a text that comes
// again, without a list, only the last is kept.
func (s *shape) worst(seen map[*shape]bool) int64 {
	most := int64(perUnknown)
	if seen[s] {
		return most
	}
	seen[s] = true
	s.all(func(f field) {
		cost := f.cost
		if !f.list && f.message == nil {
			cost = 0
		}
		if f.message != nil {
			cost += f.message.size
			most = max(most, f.message.worst(seen))
		}
		most = max(most, (cost+1)/2+1, f.packed)
	})
	return most
}

// mayExceed says whether a message of n bytes could be over a bound of b other
// than Bytes, by its length alone.
func (s *shape) mayExceed(n int, b Bounds) bool { return n/2 > b.Fields || s.mayGrow(n, b) }

// mayGrow says so of the bounds on memory.
func (s *shape) mayGrow(n int, b Bounds) bool {
	return s.depth > b.Depth || s.size+int64(n)*s.perByte > b.Decoded
}
