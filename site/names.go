package site

import (
	"context"
	"slices"
	"strings"

	"ddc/internal/query"
	"ddc/site/asset"
)

// refers are the static files that a page refers to, by path.
type refers struct {
	renamed []string // in places that are rewritten
	linked  []string // in a way that passes their names on
	saved   []string // by a link that saves them
	shown   []string
}

func (r *refers) code(c *coder) {
	for _, l := range []*[]string{&r.renamed, &r.linked, &r.saved, &r.shown} {
		c.texts(l)
	}
}

// note adds what a text with marks says.
func (r *refers) note(all *statics, text string) {
	for _, f := range all.marked(text) {
		r.renamed = append(r.renamed, f.path)
	}
	for _, f := range all.numbered(registered.FindAllStringSubmatch(text, -1)) {
		r.linked = append(r.linked, f.path)
	}
}

// refersTo finds what a page refers to.
func (s *finalPhase) refersTo(ctx context.Context, ask *query.Ask, key string) (*refers, error) {
	p, made, err := s.renderedPage(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	finished, err := s.finished.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	r := &refers{}
	r.note(all, finished.html)
	for _, link := range made.found.Links {
		if f := all.at(p.base(), link.Url); f != nil {
			r.shown = append(r.shown, f.path)
			if isLink(link) && f.kind == asset.Plain {
				r.linked = append(r.linked, f.path)
			}
			if link.Download {
				r.saved = append(r.saved, f.path)
			}
		}
	}
	return r, nil
}

// renaming says which files may have a hash in their names: those to which a
// page, a style sheet, a script, a drawing or a manifest refers in a place that
// is rewritten, as long as nobody else knows them by their names. A reader who
// follows a link to a file that is no part of a page, such as a film, may pass
// the link on. A file that is saved has the name of its link, and so stays at
// its old address too.
//
// A picture of which the pages show only variants is left out.
type renaming struct{ renamed, left, saved map[string]bool }

func (r *renaming) code(c *coder) {
	c.set(&r.renamed)
	c.set(&r.left)
	c.set(&r.saved)
}

func (s *finalPhase) rename(ctx context.Context, ask *query.Ask, _ string) (*renaming, error) {
	t, all, err := s.treeAndStatics(ctx, ask)
	if err != nil {
		return nil, err
	}
	found, err := s.refer.All(ctx, ask, t.keys())
	if err != nil {
		return nil, err
	}
	for _, f := range all.list {
		code, err := s.codeOf(ctx, ask, f)
		if err != nil {
			return nil, err
		}
		if code != nil {
			r := &refers{}
			r.note(all, code.marked)
			found = append(found, r)
		}
	}
	linked, shown := map[string]bool{}, map[string]bool{}
	r := &renaming{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, of := range found {
		include(r.renamed, of.renamed)
		include(linked, of.linked)
		include(r.saved, of.saved)
		include(shown, of.shown)
	}
	for _, path := range sortedKeys(shown) {
		if f := all.byPath[path]; f.kind == asset.Picture && !f.stable && !r.renamed[path] {
			p, err := s.pictures.Get(ctx, ask, path)
			if err != nil {
				return nil, err
			}
			if p.shown != nil {
				r.left[path] = true
			}
		}
	}
	for path := range r.renamed {
		if all.byPath[path].stable || linked[path] || asset.KeepsName(path) {
			delete(r.renamed, path)
		}
	}
	return r, nil
}

// include adds members to a set.
func include(set map[string]bool, members []string) {
	for _, m := range members {
		set[m] = true
	}
}

// codeOf is the text of a file that is written as such, or nil.
func (s *staticPhase) codeOf(ctx context.Context, ask *query.Ask, f *static) (*code, error) {
	if !f.rewritten() {
		return nil, nil
	}
	switch f.kind {
	case asset.Style:
		return s.sheets.Get(ctx, ask, f.path)
	case asset.Script:
		return s.scripts.Get(ctx, ask, f.path)
	case asset.Drawing:
		return s.drawings.Get(ctx, ask, f.path)
	default:
		return s.manifests.Get(ctx, ask, f.path)
	}
}

// names are what the static files are called in the output, and the texts that
// name each other.
type names struct {
	at   map[string]*address // by path
	text map[string]string   // of style sheets, scripts, drawings and manifests
}

// address is what stands in the place of a mark.
type address struct {
	output string // the path of the file below the output folder
	// integrity is the digest of a text.
	integrity string
	// repacked says that a font is WOFF2 now, and was not.
	repacked bool
}

func (a *address) code(c *coder) {
	c.text(&a.output)
	c.text(&a.integrity)
	c.flag(&a.repacked)
}

func (n *names) code(c *coder) {
	dict(c, &n.at, func(a **address) {
		if c.reading {
			*a = &address{}
		}
		(*a).code(c)
	})
	dict(c, &n.text, c.text)
}

// naming is the names while they are found.
type naming struct {
	*names
	all    *statics
	marked []string // by index; "" for files that name no others
	digits []string
}

// nameAssets names the static files that may be renamed by their content. Files
// that name no others come first, then those that do, each after the files that
// it names. Files that name one another in a circle are named together, by the
// hash of them all.
func (s *finalPhase) nameAssets(ctx context.Context, ask *query.Ask, _ string) (*names, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	renaming, err := s.renames.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	return s.nameAll(ctx, ask, all, renaming.renamed, s.cutFonts.Get)
}

// getFont is how a font is asked for that may be cut.
type getFont func(ctx context.Context, ask *query.Ask, path string) (*font, error)

// nameAll names all static files, of which some are renamed.
func (s *finalPhase) nameAll(ctx context.Context, ask *query.Ask, all *statics, renamed map[string]bool, cut getFont) (*names, error) {
	n := &naming{names: &names{map[string]*address{}, map[string]string{}}, all: all, marked: make([]string, len(all.list)), digits: make([]string, len(all.list))}
	for i, f := range all.list {
		n.at[f.path] = &address{output: f.path}
		if err := s.readFor(ctx, ask, n, i, renamed[f.path], cut); err != nil {
			return nil, err
		}
	}
	references := func(i int) []int {
		var named []int
		for _, f := range all.marked(n.marked[i]) {
			named = append(named, f.index)
		}
		return named
	}
	for _, group := range asset.Order(len(all.list), references) {
		n.name(group, renamed)
	}
	return n.names, nil
}

// readFor reads what a file's name depends on.
func (s *finalPhase) readFor(ctx context.Context, ask *query.Ask, n *naming, i int, renamed bool, cut getFont) error {
	f := n.all.list[i]
	code, err := s.codeOf(ctx, ask, f)
	if err != nil {
		return err
	}
	switch {
	case code != nil:
		n.marked[i] = code.marked
	case !renamed:
	case f.kind == asset.Font:
		made, err := cut(ctx, ask, f.path)
		if err != nil {
			return err
		}
		n.digits[i], n.at[f.path].repacked = made.digits, made.repacked(f.path)
	default:
		sum, err := s.digests.Get(ctx, ask, f.name)
		if err != nil {
			return err
		}
		n.digits[i] = asset.DigitsOf(sum)
	}
	return nil
}

// name names a group of files.
func (n *naming) name(group []int, renamed map[string]bool) {
	in := map[*static]bool{}
	for _, i := range group {
		in[n.all.list[i]] = true
	}
	// Within the group a name would depend on itself, so the plain path
	// stands in for it.
	settled := func(f *static) string {
		if in[f] {
			return n.all.prefix + asset.URL(f.path)
		}
		return n.all.prefix + asset.URL(n.at[f.path].output)
	}
	var together strings.Builder
	for _, i := range group {
		if n.marked[i] != "" {
			together.WriteString(n.all.unmark(n.marked[i], settled))
		}
	}
	for _, i := range group {
		f := n.all.list[i]
		if f.rewritten() {
			n.digits[i] = asset.Hash([]byte(together.String()))
		}
		if at := n.at[f.path]; renamed[f.path] {
			if at.repacked {
				at.output = asset.Renamed(f.path, ".woff2")
			}
			at.output = asset.Hashed(at.output, n.digits[i])
		}
	}
	for _, i := range group {
		if f := n.all.list[i]; f.rewritten() {
			n.text[f.path] = n.all.settle(n.marked[i], func(f *static) *address { return n.at[f.path] })
			n.at[f.path].integrity = asset.Integrity([]byte(n.text[f.path]))
		}
	}
}

// addressOf finds the address of a static file.
func (s *finalPhase) addressOf(ctx context.Context, ask *query.Ask, path string) (*address, error) {
	n, err := s.names.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	if a := n.at[path]; a != nil {
		return a, nil
	}
	return &address{output: path}, nil
}

// settlePage puts the names of files into a page.
func (s *finalPhase) settlePage(ctx context.Context, ask *query.Ask, key string) (string, error) {
	finished, err := s.finished.Get(ctx, ask, key)
	if err != nil {
		return "", err
	}
	all, err := s.statics.Get(ctx, ask.Aside(), "") // the marks were made of them
	if err != nil {
		return "", err
	}
	found := map[*static]*address{}
	for _, f := range slices.Concat(all.marked(finished.html), all.inOrder(numbersIn(finished.html, beforeDigest))) {
		if found[f], err = s.addresses.Get(ctx, ask, f.path); err != nil {
			return "", err
		}
	}
	return all.settle(finished.html, func(f *static) *address { return found[f] }), nil
}
