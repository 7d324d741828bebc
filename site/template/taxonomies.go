package template

import (
	"strconv"

	"ddc/internal/slug"
)

func getTaxonomy(r *render, args []value) (value, error) {
	required, err := flagOr(args[1], "required", true)
	if err != nil {
		return undefined, err
	}
	if r.funcs.GetTaxonomy == nil {
		return undefined, errNoFunction
	}
	return r.found("get_taxonomy", args[0], func(kind string) (any, error) { return r.funcs.GetTaxonomy(kind, required) })
}

// kindAndTerm are the arguments that name a term, and whether there must be
// one. Finding it makes a slug of its name.
func (r *render) kindAndTerm(args []value, second string) (kind, term string, required bool, err error) {
	if kind, err = r.pathOf(args[0]); err != nil {
		return "", "", false, err
	}
	if term, err = textOr(args[1], second, ""); err != nil {
		return "", "", false, err
	}
	if err = r.spend((1 + slug.Growth) * len(term)); err != nil {
		return "", "", false, err
	}
	required, err = flagOr(args[2], "required", true)
	return kind, term, required, err
}

func getTaxonomyTerm(r *render, args []value) (value, error) {
	kind, term, required, err := r.kindAndTerm(args, "term")
	if err != nil {
		return undefined, err
	}
	if r.funcs.GetTaxonomyTerm == nil {
		return undefined, errNoFunction
	}
	if _, err := flagOr(args[3], "include_pages", true); err != nil {
		return undefined, err
	}
	found, err := r.funcs.GetTaxonomyTerm(kind, term, required)
	if err != nil {
		return undefined, err
	}
	return wrap(found, r.paths.call("get_taxonomy_term", strconv.Quote(kind)+", term="+strconv.Quote(term))), nil
}

func getTaxonomyURL(r *render, args []value) (value, error) {
	kind, name, required, err := r.kindAndTerm(args, "name")
	if err != nil {
		return undefined, err
	}
	if r.funcs.GetTaxonomyURL == nil {
		return undefined, errNoFunction
	}
	url, err := r.funcs.GetTaxonomyURL(kind, name, required)
	if err != nil || url == "" {
		return value{}, err
	}
	return wrap(url, r.paths.call("get_taxonomy_url", strconv.Quote(kind)+", name="+strconv.Quote(name))), r.spend(len(url))
}
