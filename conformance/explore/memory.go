//go:build explore

package explore

import (
	"fmt"
	"reflect"

	"ddc/internal/step"
	"ddc/internal/sys"
)

// viewOf is the mapping on which a task's operation rests, or nil where it is
// on no word of memory that processes share.
func viewOf(t *task, op step.Op) *sys.View {
	if v := viewOfWord(t, op.Object); v != nil {
		return v
	}
	for _, u := range op.Also { // the word that a futex call compares
		if v := viewOfWord(t, u.Object); v != nil {
			return v
		}
	}
	return nil
}

func viewOfWord(t *task, object any) *sys.View {
	switch object.(type) {
	case *step.Uint32, *step.Uint64:
		return sys.ViewOf(reflect.ValueOf(object).Pointer(), t.process)
	}
	return nil
}

// touch checks that the memory of an operation is still mapped.
func (r *run) touch(t *task, op step.Op) {
	if v := viewOf(t, op); v != nil && v.Gone() {
		name := r.name(op.Object)
		if r.isQuiet(op.Object) {
			name = "a counter"
		}
		r.unmapped(t, name)
	}
}

// unmapped reports an access to memory that the task's process has given back:
// in a real one it ends the process.
func (r *run) unmapped(t *task, what string) {
	r.find(Unmapped, fmt.Sprintf("%s touches %s, which its process has unmapped", t.name, what))
	panic(ended{})
}
