package site

// doubts are what may be mistakes: warnings, or, if strict, errors.
func (b *build) doubts(n *notes, problems []Problem) error {
	if b.options.Strict && len(problems) > 0 {
		return Errors(problems)
	}
	n.warn(problems...)
	return nil
}
