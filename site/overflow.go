package site

import (
	"log/slog"
	"math/bits"
	"os"
	"sync"

	"ddc/site/output"
)

// overflow has the values for which there is no room in memory, in a file
// without a name: it goes with the process, however that ends. A place is a
// power of two long, and is used again once it is free, so that the file of a
// server does not grow with each edit.
type overflow struct {
	folder string
	log    *slog.Logger

	mu   sync.Mutex
	file *os.File        // nil until something is put there
	gone bool            // it cannot be had, or is closed
	end  int64           // of the file
	free map[int][]int64 // places, by their size's power
}

// power is that of two which has room for so many bytes.
func power(size int) int { return max(bits.Len(uint(size-1)), 9) }

// Put implements query.Spill.
func (o *overflow) Put(encoded []byte) (at int64, ok bool) {
	file, at := o.place(power(len(encoded)))
	if file == nil {
		return 0, false
	}
	if _, err := file.WriteAt(encoded, at); err != nil {
		o.Free(at, len(encoded))
		o.fail(err)
		return 0, false
	}
	return at, true
}

// place takes a place.
func (o *overflow) place(power int) (*os.File, int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone {
		return nil, 0
	}
	if o.file == nil {
		// Not in the system's folder for such: that may lie in memory itself.
		file, err := output.Unnamed(o.folder)
		if err != nil {
			o.gone = true
			o.log.Debug("all values stay in memory", "cause", err)
			return nil, 0
		}
		o.file, o.free = file, map[int][]int64{}
	}
	if free := o.free[power]; len(free) > 0 {
		o.free[power] = free[:len(free)-1]
		return o.file, free[len(free)-1]
	}
	at := o.end
	o.end += 1 << power
	return o.file, at
}

// fail has what follows stay in memory: the disk is full, most likely.
func (o *overflow) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.gone {
		o.gone = true
		o.log.Warn("what is made of pages stays in memory from now on", "cause", err)
	}
}

// Get implements query.Spill.
func (o *overflow) Get(at int64, size int) ([]byte, bool) {
	o.mu.Lock()
	file := o.file
	o.mu.Unlock()
	if file == nil {
		return nil, false
	}
	encoded := make([]byte, size)
	_, err := file.ReadAt(encoded, at)
	return encoded, err == nil
}

// Free implements query.Spill.
func (o *overflow) Free(at int64, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.free != nil {
		o.free[power(size)] = append(o.free[power(size)], at)
	}
}

func (o *overflow) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	file := o.file
	o.file, o.gone = nil, true
	if file == nil {
		return nil
	}
	return file.Close()
}
