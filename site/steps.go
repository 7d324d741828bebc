package site

import "sync/atomic"

// Step is how far a step of a build is. Several are under way at once.
type Step struct {
	// Name is for people: "pictures".
	Name string
	// Done is how many of its pieces are made, of Of in all.
	Done, Of int
}

// step begins a step of so many pieces, and returns what is to be called when
// one of them is made, or is found to be faulty.
func (r *making) step(name string, of int) (made func()) {
	if r.options.Steps == nil || of == 0 || name == "" {
		return func() {}
	}
	var done atomic.Int64
	r.options.Steps(Step{name, 0, of})
	return func() { r.options.Steps(Step{name, int(done.Add(1)), of}) }
}
