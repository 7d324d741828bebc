package template

import "strconv"

func getTaxonomy(r *render, args []value) (value, error) {
	return r.found("get_taxonomy", args[0], r.funcs.GetTaxonomy)
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
	found, err := r.funcs.GetTaxonomyTerm(kind, term)
	if err != nil {
		return undefined, err
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
	url, err := r.funcs.GetTaxonomyURL(kind, name)
	if err != nil {
		return undefined, err
	}
	return wrap(url, r.paths.call("get_taxonomy_url", strconv.Quote(kind)+", name="+strconv.Quote(name))), r.spend(len(url))
}
