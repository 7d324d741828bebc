package template

import (
	"slices"

	"ddc/internal/suggest"
)

// A condition may ask for what there is not, as in Tera: {% if page.extra.cover
// %} where most pages have none, {% if width %} in a shortcode that is called
// without, {% if paginator %} in a template of many sections. That is
// undefined, and so false. What cannot be meant is an error all the same: a
// field that a page never has, and a variable's name that is nearly one of
// those there are.

// asked gives the value whose truth a condition asks for, or undefined.
func (r *render) asked(e expr) (v value, err error) {
	if err = r.work(1); err != nil {
		return undefined, err
	}
	switch e := e.(type) {
	case *variable:
		if v, err = r.lookup(e.name); err == nil && v.absent() && !r.mayLack(e.name) {
			v, err = r.eval(e)
		}
	case *fieldOf:
		if v, err = r.asked(e.of); err == nil {
			v, err = r.askedOf(v, textual(e.name), e, e.tokens)
		}
	case *itemOf:
		if v, err = r.asked(e.of); err != nil {
			return undefined, err
		}
		index, err := r.eval(e.index)
		if err != nil {
			return undefined, err
		}
		index.from.read()
		return r.askedOf(v, index, e, e.tokens)
	default:
		return r.eval(e)
	}
	return v, err
}

func (r *render) askedOf(from, key value, e expr, tokens []token) (v value, err error) {
	if isRecord(from) {
		v, err = r.field(from, key, func() string { return written(tokens) })
	} else {
		v, err = r.take(from, key)
	}
	if err != nil {
		return undefined, e.at().wrong(err)
	}
	return v, nil
}

// isRecord says whether a value is one of ddc's own, all of whose fields are
// there on every page: a page, section or term, the configuration or a
// paginator.
func isRecord(v value) bool {
	for _, own := range []string{"permalink", "base_path", "number_pagers"} {
		if !entry(v, own).absent() {
			return true
		}
	}
	return false
}

// mayLack says whether a condition may ask for a variable that there is not:
// not if its name is that of another with a slip of the pen. An argument of a
// shortcode may be called anything.
func (r *render) mayLack(name string) bool {
	const enough = 5 // letters: "date" is not meant to be "data"
	if _, isShortcode := r.vars["nth"]; isShortcode || len(name) < enough || len(name) > maxWord {
		return true
	}
	return !slices.ContainsFunc(r.known(), func(known string) bool {
		return len(known) >= enough && len(known) <= maxWord && suggest.Distance(name, known) == 1
	})
}
