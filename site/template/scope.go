package template

import "slices"

// frame has the variables of one loop's turn, block, include or macro call.
type frame struct {
	names  []string
	values []value
	index  map[string]int // of a frame of many
	turn   bool           // is of a loop's turn
}

// scope has all variables of a rendering.
type scope struct {
	pays   *meter
	vars   map[string]any
	frames []*frame
	paths  *path // the root of all that may be read; nil if nobody records
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
func (s *scope) push() *frame {
	if len(s.frames) == cap(s.frames) {
		s.frames = append(s.frames, &frame{})
	} else if s.frames = s.frames[:len(s.frames)+1]; s.frames[len(s.frames)-1] == nil {
		s.frames[len(s.frames)-1] = &frame{}
	}
	f := s.frames[len(s.frames)-1]
	f.clear()
	f.turn = false
	return f
}

func (s *scope) pop() { s.frames = s.frames[:len(s.frames)-1] }

// set sets a variable in the innermost frame.
func (s *scope) set(name string, v value) error {
	return s.setIn(s.frames[len(s.frames)-1], name, v)
}

// outside is the innermost frame that is of no loop's turn: of the template,
// include, block or macro that the loops stand in.
func (s *scope) outside() *frame {
	for _, f := range slices.Backward(s.frames) {
		if !f.turn {
			return f
		}
	}
	return s.frames[0]
}

// setIn sets a variable in a frame, and pays for room in it: frames are used
// again and again.
func (s *scope) setIn(f *frame, name string, v value) error {
	room := cap(f.names)
	f.set(name, v)
	return s.pays.spend(itemBytes * (cap(f.names) - room))
}

// lookup gives a variable, the innermost of its name, or undefined.
func (s *scope) lookup(name string) (value, error) {
	for i, f := range slices.Backward(s.frames) {
		if at := f.find(name); at >= 0 {
			return f.values[at], s.pays.work((len(s.frames) - i) / framesPerStep)
		}
	}
	if v, ok := s.vars[name]; ok {
		return wrap(v, s.paths.field(name)), s.pays.work(len(s.frames) / framesPerStep)
	}
	return value{is: absent{}, from: s.paths.field(name)}, s.pays.work(len(s.frames) / framesPerStep)
}

// known gives the names of all variables, for an error.
func (s *scope) known() []string {
	all := map[string]bool{}
	for name := range s.vars {
		all[name] = true
	}
	for _, f := range s.frames {
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
