package template

import (
	"errors"
	"strconv"
)

func getTaxonomy(r *render, args []value) (value, error) {
	required, err := flagOr(args[1], "required", true)
	if err != nil {
		return undefined, err
	}
	v, err := r.found("get_taxonomy", args[0], r.funcs.GetTaxonomy)
	return r.orNone(v, err, required)
}

// orNone is what was found, or none where it need not be there.
func (r *render) orNone(v value, err error, required bool) (value, error) {
	if _, refused := errors.AsType[*Refusal](err); refused && !required {
		return value{}, nil
	}
	return v, err
}

// kindAndTerm are the arguments that name a term.
func kindAndTerm(args []value, second string) (kind, term string, err error) {
	if kind, err = textOr(args[0], "kind", ""); err != nil {
		return "", "", err
	}
	term, err = textOr(args[1], second, "")
	return kind, term, err
}

func getTaxonomyTerm(r *render, args []value) (value, error) {
	kind, term, err := kindAndTerm(args, "term")
	if err != nil {
		return undefined, err
	}
	if r.funcs.GetTaxonomyTerm == nil {
		return undefined, errNoFunction
	}
	required, err := flagOr(args[2], "required", true)
	if err != nil {
		return undefined, err
	}
	if _, err := flagOr(args[3], "include_pages", true); err != nil {
		return undefined, err
	}
	found, err := r.funcs.GetTaxonomyTerm(kind, term)
	if err != nil {
		return r.orNone(undefined, err, required)
	}
	return wrap(found, r.paths.call("get_taxonomy_term", strconv.Quote(kind)+", term="+strconv.Quote(term))), nil
}

func getTaxonomyURL(r *render, args []value) (value, error) {
	kind, name, err := kindAndTerm(args, "name")
	if err != nil {
		return undefined, err
	}
	if r.funcs.GetTaxonomyURL == nil {
		return undefined, errNoFunction
	}
	required, err := flagOr(args[2], "required", true)
	if err != nil {
		return undefined, err
	}
	url, err := r.funcs.GetTaxonomyURL(kind, name)
	if err != nil {
		return r.orNone(undefined, err, required)
	}
	return wrap(url, r.paths.call("get_taxonomy_url", strconv.Quote(kind)+", name="+strconv.Quote(name))), r.spend(len(url))
}
