//go:build explore

package sys

import (
	"reflect"

	"ddc/internal/step"
)

// mapping is the memory of a memfd's model, which is at the same place for all
// who map it.
type mapping struct {
	memory     []byte
	start, end uintptr
	views      map[int]*View // by process
}

// View is how often a process has some memory mapped. It is an object of steps:
// unmapping changes it, and every access to the memory rests on it.
type View struct{ times, unmapped int }

// Gone says that the process has unmapped the memory: an access is a fault. A
// process that never mapped it was lent it by the scenario.
func (v *View) Gone() bool { return v.times == 0 && v.unmapped > 0 }

// ViewOf is the mapping by which a process sees an address, or nil where the
// address lies in no model's memory.
func ViewOf(address uintptr, process int) *View {
	if kernel == nil {
		return nil
	}
	m := kernel.mappingOf(address)
	if m == nil {
		return nil
	}
	return m.view(process)
}

func (m *mapping) view(process int) *View {
	v := m.views[process]
	if v == nil {
		v = new(View)
		m.views[process] = v
	}
	return v
}

func newMapping(memory []byte) *mapping {
	start := addressOf(memory)
	return &mapping{memory: memory, start: start, end: start + uintptr(len(memory)), views: map[int]*View{}}
}

func addressOf(memory []byte) uintptr { return reflect.ValueOf(memory).Pointer() }

func (k *Kernel) mappingOf(address uintptr) *mapping {
	for _, m := range k.mapped {
		if address >= m.start && address < m.end {
			return m
		}
	}
	return nil
}

// unmap takes one mapping from the running task's process.
func (k *Kernel) unmap(m *mapping) {
	e := step.Running()
	if e == nil {
		return
	}
	v := m.view(e.Process())
	e.Do(step.Op{Verb: "unmap", Object: v, Write: true})
	v.times--
	v.unmapped++
	e.Did(uint64(v.times+1), uint64(v.times))
}
