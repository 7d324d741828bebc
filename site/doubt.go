package site

// doubt tells of something that may be a mistake: a warning, or, if strict, an
// error.
func (b *build) doubt(p Problem) {
	if b.options.Strict {
		_ = b.collect(Errors{p}) // faults, and nothing else
		return
	}
	b.warn(p)
}
