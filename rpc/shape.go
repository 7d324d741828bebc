package rpc

import (
	"math"
	"reflect"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A protobuf message can be much larger decoded than on the wire: an empty
// message within another takes two bytes there and a hundred here. So the
// number of fields, and about how much memory they take, is found before a
// message is decoded.
//
// For most messages the length says enough: n bytes hold at most n/2 fields,
// and a type's worst field says what those take. Only if that could be over a
// bound is the wire scanned, once from front to back, without an allocation.
// The scan needs the message's type, because on the wire a bytes field looks
// like a message.

// unscanned is the length up to which no message is scanned: it makes at most
// two thousand fields, some 200 kB.
const unscanned = 4 << 10

// The memory that decoding takes beside a text's own bytes.
const (
	perText    = 16 // an allocation of its own is rounded up
	perElement = 2  // a slice grows by doubling
	perEntry   = 112
	perOneof   = 16
	// perUnknown is for each byte of an unknown field: it is kept, in a slice
	// that grows.
	perUnknown = 2
)

// shape is what the scan knows of a message type.
type shape struct {
	size   int64 // of the Go struct
	dense  []field
	sparse map[protowire.Number]field // those whose numbers dense has no place for

	// perByte is the most memory that one byte on the wire can come to. depth
	// is how deep messages can nest within this one: math.MaxInt for a type
	// that contains itself.
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

// shapes has the shapes of the types received so far. Any goroutine may use it.
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

// shapeOf makes the shape of a type and of the types within it. made has the
// shapes made so far, since a type may contain itself.
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

// entryShape is the shape of a map's entries: a key and a value, for which
// there is no Go struct.
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

// depthWithin is how deep messages nest in s. within has the shapes that s lies
// in.
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

// worst is the most memory that a byte of the wire can take, over all fields in
// s and below. A field has at least one byte of tag and one of content. If a
// text that is no list comes twice, only the last is kept.
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

// mayExceed says, by the length alone, whether a message of n bytes could be
// over a bound of b other than Bytes.
func (s *shape) mayExceed(n int, b Bounds) bool { return n/2 > b.Fields || s.mayGrow(n, b) }

// mayGrow is mayExceed for the bounds on memory alone.
func (s *shape) mayGrow(n int, b Bounds) bool {
	return s.depth > b.Depth || s.size+int64(n)*s.perByte > b.Decoded
}
