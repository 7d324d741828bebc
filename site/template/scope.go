package template

import "slices"

// frame has the variables of one loop's turn, block, include or macro call.
type frame struct {
	names  []string
	values []value
	index  map[string]int // of a frame of many
	turn   bool           // is of a loop's turn
}

// framesPerStep is how many frames a lookup goes through in about a step.
const framesPerStep = 8

// few is up to how many variables a linear search is as fast as a map.
const few = 8

func (f *frame) find(name string) int {
	if f.index == nil {
		return slices.Index(f.names, name)
	}
	if i, ok := f.index[name]; ok {
		return i
	}
	return -1
}

func (f *frame) set(name string, v value) {
	if i := f.find(name); i >= 0 {
		f.values[i] = v
		return
	}
	f.names, f.values = append(f.names, name), append(f.values, v)
	if f.index == nil && len(f.names) > few {
		f.index = map[string]int{}
		for i, n := range f.names {
			f.index[n] = i
		}
	}
	if f.index != nil {
		f.index[name] = len(f.names) - 1
	}
}

func (f *frame) clear() { f.names, f.values, f.index = f.names[:0], f.values[:0], nil }

// push opens a frame for what is set from here on.
func (r *render) push() *frame {
	if len(r.frames) == cap(r.frames) {
		r.frames = append(r.frames, &frame{})
	} else if r.frames = r.frames[:len(r.frames)+1]; r.frames[len(r.frames)-1] == nil {
		r.frames[len(r.frames)-1] = &frame{}
	}
	f := r.frames[len(r.frames)-1]
	f.clear()
	f.turn = false
	return f
}

func (r *render) pop() { r.frames = r.frames[:len(r.frames)-1] }

// set sets a variable in the innermost frame.
func (r *render) set(name string, v value) error {
	return r.setIn(r.frames[len(r.frames)-1], name, v)
}

// outside is the innermost frame that is of no loop's turn: of the template,
// include, block or macro that the loops stand in.
func (r *render) outside() *frame {
	for _, f := range slices.Backward(r.frames) {
		if !f.turn {
			return f
		}
	}
	return r.frames[0]
}

// setIn sets a variable in a frame, and pays for room in it: frames are used
// again and again.
func (r *render) setIn(f *frame, name string, v value) error {
	room := cap(f.names)
	f.set(name, v)
	return r.spend(itemBytes * (cap(f.names) - room))
}

// lookup gives a variable, the innermost of its name, or undefined.
func (r *render) lookup(name string) (value, error) {
	for i, f := range slices.Backward(r.frames) {
		if at := f.find(name); at >= 0 {
			return f.values[at], r.work((len(r.frames) - i) / framesPerStep)
		}
	}
	if v, ok := r.vars[name]; ok {
		return wrap(v, r.paths.field(name)), r.work(len(r.frames) / framesPerStep)
	}
	return value{is: absent{}, from: r.paths.field(name)}, r.work(len(r.frames) / framesPerStep)
}

// known gives the names of all variables, for an error.
func (r *render) known() []string {
	all := map[string]bool{}
	for name := range r.vars {
		all[name] = true
	}
	for _, f := range r.frames {
		for i, name := range f.names {
			all[name] = !f.values[i].absent()
		}
	}
	var names []string
	for name, there := range all {
		if there {
			names = append(names, name)
		}
	}
	return names
}
