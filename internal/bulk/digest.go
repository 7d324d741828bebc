package bulk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"os"
)

// plainSize is up to how many bytes the digest of a file is that of its bytes,
// one after the other: a second's work.
const plainSize = 1 << 30

// Digest digests a regular file with a new hash. Of one with more than a GiB
// the blocks that have nothing but zeros are passed over: 20 GB of holes would
// take a minute to be read, whoever has them as holes and whoever has them as
// zeros gets the same digest.
func Digest(ctx context.Context, f *os.File, h hash.Hash) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); size > plainSize {
		return digestBlocks(ctx, f, size, h)
	}
	if _, err := Copy(ctx, h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// digestBlocks digests a file's size and, with their numbers, its blocks that
// are not zero. What it gives is the complement of the hash, so that no file
// that is digested plainly can be made to have it.
func digestBlocks(ctx context.Context, f *os.File, size int64, h hash.Hash) ([]byte, error) {
	block := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(block)
	number := func(n int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	number(size)
	next := int64(0) // the first block that nobody has looked at
	err := eachExtent(ctx, f, size, func(part extent) error {
		for next = max(next, part.from/bufferSize); next*bufferSize < part.to; next++ {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			n, err := f.ReadAt(block[:], next*bufferSize)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if bytes.Count(block[:n], []byte{0}) < n {
				number(next)
				h.Write(block[:n])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sum := h.Sum(nil)
	for i := range sum {
		sum[i] = ^sum[i]
	}
	return sum, nil
}
