// Package shm gives processes memory in common: a [Segment] is a memfd that
// cannot shrink, mapped by everyone who inherits its descriptor, and [View]
// lays a typed page over a part of it.
//
//	seg, err := shm.Create("hub", 1<<20)
//	header, err := shm.View[Header](seg, 0)
//
// It is the only package with pointers into shared memory. A page type is a
// struct of [Word32], [Word64], integers and arrays of them, marked with
// structs.HostLayout, so that both processes see the same offsets.
//
// What a segment holds is written by others, at any time, and not always by
// friends: copy a value once, check the copy, use the copy.
package shm

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"unsafe"

	"ddc/internal/inuse"
	"ddc/internal/sys"
)

// CacheLine is the distance, in bytes, that keeps two words from sharing a
// cache line on amd64 and arm64, with the neighbour that the former prefetches.
const CacheLine = 128

// Segment is a mapped memfd. Its memory stays mapped until Close was called and
// every [Segment.Hold] has its Release, because a pointer into memory that is
// gone is a crash.
type Segment struct {
	file   *os.File
	memory []byte
	holds  *inuse.Count // those who may still touch memory; the last unmaps it
}

// Create makes a segment of size bytes, all zero. Pages cost memory only once
// touched. name appears in /proc/PID/maps and means nothing else.
func Create(name string, size int) (*Segment, error) {
	f, err := sys.Memfd(name, int64(size))
	if err != nil {
		return nil, fmt.Errorf("create segment %s: %w", name, err)
	}
	return mapped(f, size)
}

// Open maps a segment that another process created. It takes over f, also when
// it fails.
func Open(f *os.File) (*Segment, error) {
	size, err := sys.CheckSealed(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open segment: %w", err)
	}
	return mapped(f, int(size))
}

func mapped(f *os.File, size int) (*Segment, error) {
	memory, err := sys.Map(f, size)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return newSegment(f, memory), nil
}

func newSegment(f *os.File, memory []byte) *Segment {
	return &Segment{file: f, memory: memory, holds: inuse.New(func() { _ = sys.Unmap(memory) })}
}

// File is the memfd, for a child to inherit. It stays the segment's.
func (s *Segment) File() *os.File { return s.file }

// Size is the segment's length in bytes.
func (s *Segment) Size() int { return len(s.memory) }

// Hold keeps the memory mapped until Release. It fails with os.ErrClosed when
// the memory is gone.
func (s *Segment) Hold() error {
	if !s.holds.Join() {
		return fmt.Errorf("hold segment: %w", os.ErrClosed)
	}
	return nil
}

// Release undoes one Hold. The last one unmaps a closed segment.
func (s *Segment) Release() { s.holds.Leave() }

// Close closes the memfd, and unmaps the memory once nobody holds it.
func (s *Segment) Close() error {
	if !s.holds.Shut() {
		return nil
	}
	defer s.holds.Leave()
	return s.file.Close()
}

// Bytes gives the n bytes at offset as they are: unordered, shared, not to be
// trusted. It fails where they do not lie within the segment.
func (s *Segment) Bytes(offset, n int) ([]byte, error) {
	if offset < 0 || n < 0 || offset > len(s.memory) || n > len(s.memory)-offset {
		return nil, fmt.Errorf("bytes [%d, %d+%d) lie outside a segment of %d", offset, offset, n, len(s.memory))
	}
	return s.memory[offset : offset+n : offset+n], nil
}

// View lays a T over the segment at offset. It fails where T does not lie
// within the segment or would be misaligned, or holds what has no meaning in
// another process (pointers, strings, slices, ...).
func View[T any](s *Segment, offset int) (*T, error) {
	views, err := Views[T](s, offset, 1)
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// Views lays n of T, one after the other, over the segment at offset.
func Views[T any](s *Segment, offset, n int) ([]T, error) {
	t := reflect.TypeFor[T]()
	if err := checkPage(t); err != nil {
		return nil, err
	}
	size := int(t.Size())
	if offset < 0 || n < 1 || offset > len(s.memory) || n > (len(s.memory)-offset)/size {
		return nil, fmt.Errorf("%d of %v (%d bytes each) at %d lie outside a segment of %d", n, t, size, offset, len(s.memory))
	}
	if offset%t.Align() != 0 || offset%8 != 0 {
		return nil, fmt.Errorf("%v at %d is misaligned", t, offset)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&s.memory[offset])), n), nil
}

var errPointer = errors.New("has no meaning in another process")

func checkPage(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Int32, reflect.Int64:
		return nil
	case reflect.Array:
		return checkPage(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if err := checkPage(t.Field(i).Type); err != nil {
				return fmt.Errorf("field %s of %v: %w", t.Field(i).Name, t, err)
			}
		}
		return nil
	}
	return fmt.Errorf("%v: %w", t, errPointer)
}
