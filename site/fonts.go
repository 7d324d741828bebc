package site

import (
	"context"
	"errors"
	"hash/fnv"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/markup"
	"ddc/internal/query"
	"ddc/plugins/fonts/fontspb"
	"ddc/site/asset"
)

// fontPhase has the fonts, cut down to what the pages show in them.
type fontPhase struct {
	*renderPhase
	styles     *query.Query[*styled] // by page
	bunched    *query.Query[[][]string]
	bunchOf    *query.Query[[]string]    // by number
	bunchShows *query.Query[*characters] // by number
	shownIn    *query.Query[*characters] // by font
	loaded     *query.Query[[]string]    // by scripts
	cutFonts   *query.Query[*font]       // by path below the static folder
}

func newFontPhase(from *renderPhase) *fontPhase {
	s := &fontPhase{renderPhase: from}
	e := s.engine
	s.styles = query.New(e, "styles", byCode[styled](), s.stylesOf)
	s.bunched = query.New(e, "bunches", query.JSON[[][]string](), s.bunches)
	s.bunchOf = query.New(e, "bunch", query.JSON[[]string](), s.bunch)
	s.bunchShows = query.New(e, "characters of a bunch", byCode[characters](), s.charactersOf)
	s.shownIn = query.New(e, "characters", byCode[characters](), s.charactersIn)
	s.loaded = query.New(e, "fonts of scripts", query.JSON[[]string](), s.loadedByScripts)
	s.cutFonts = query.New(e, "cut font", byCode[font](), s.cutFont)
	return s
}

// font is a font's file. Nil data says that it is copied.
type font struct {
	data     []byte // unpacked, or cut down and packed again
	digits   string // of what is written
	warnings []Problem
}

func (f *font) code(c *coder) {
	c.text(&f.digits)
	whole := f.data == nil
	c.flag(&whole)
	if !whole {
		c.bytes(&f.data)
	}
	c.problems(&f.warnings)
}

// unpackFont decompresses a font, which also shows whether it is whole. It is
// copied where the tool for it is missing, or where the tool cannot read it:
// browsers may know better.
func (s *staticPhase) unpackFont(ctx context.Context, ask *query.Ask, key string) (*font, error) {
	f, _, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	data, err := s.contents(ctx, ask, f)
	if err != nil {
		return nil, err
	}
	made := &font{digits: asset.Hash(data)}
	var n notes
	err = s.weigh(ctx, fontCost(fontUnpacked*len(data)), func(ctx context.Context) error {
		answer, err := call(ctx, s.build, "fonts", f.name, s.Fonts.Decompress, &fontspb.DecompressRequest{Path: f.name, Data: data})
		made.data = answer.GetData()
		return err
	})
	if copied, err := n.copiedWhole(err); !copied && err != nil {
		return nil, err
	}
	made.warnings = n.list
	if n.list != nil {
		ask.Brief()
	}
	return made, nil
}

const copiedWhole = "fonts are copied whole"

// copiedWhole makes a warning of what keeps a font from being cut down, and
// reports whether there was anything.
func (n *notes) copiedWhole(err error) (bool, error) {
	var faults Errors
	if errors.As(err, &faults) {
		for _, p := range faults {
			p.Hint = "the font is copied whole"
			n.warn(p)
		}
		return true, nil
	}
	return n.without(err, copiedWhole)
}

// repacked says that what is written of a font's file is WOFF2, and the file is
// not.
func (f *font) repacked(file string) bool {
	return f.data != nil && !strings.EqualFold(path.Ext(file), ".woff2")
}

// cutFont leaves only the characters in a font that pages show in it. It is
// copied as it is if no page's sheet loads it, if no page shows a character in
// it, or if a script loads it, which may show anything.
func (s *fontPhase) cutFont(ctx context.Context, ask *query.Ask, key string) (*font, error) {
	f, _, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	whole, err := s.fonts.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	made := &font{digits: whole.digits, warnings: whole.warnings}
	if whole.data == nil {
		return made, nil
	}
	if loaded, err := s.loaded.Get(ctx, ask, ""); err != nil || slices.Contains(loaded, key) {
		return made, err
	}
	var n notes
	shown, err := s.shownIn.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	made.warnings = append(slices.Clone(made.warnings), shown.warnings...)
	if slices.Contains(shown.whole, key) {
		n.warn(Problem{File: f.name, Message: "finding the letters that pages show in this font takes too much: the style sheets or pages that use it are very large", Hint: "the font is copied whole"})
		made.warnings = append(made.warnings, n.list...)
		return made, nil
	}
	characters := shown.of[key]
	if characters == "" {
		return made, nil
	}
	err = s.weigh(ctx, fontCost(len(whole.data)), func(ctx context.Context) error {
		cut, err := call(ctx, s.build, "fonts", f.name, s.Fonts.Subset, &fontspb.SubsetRequest{Path: f.name, Data: whole.data, Characters: characters, Features: shown.features[key]})
		if err != nil {
			return err
		}
		packed, err := call(ctx, s.build, "fonts", f.name, s.Fonts.Compress, &fontspb.CompressRequest{Path: f.name, Data: cut.Data})
		if err == nil {
			made.data, made.digits = packed.Data, asset.Hash(packed.Data)
		}
		return err
	})
	if copied, err := n.copiedWhole(err); !copied && err != nil {
		return nil, err
	}
	made.warnings = append(made.warnings, n.list...)
	if n.list != nil {
		ask.Brief()
	}
	return made, nil
}

// loadedByScripts are the fonts that scripts name, by path.
func (s *fontPhase) loadedByScripts(ctx context.Context, ask *query.Ask, _ string) ([]string, error) {
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	scripts, err := s.scripts.All(ctx, ask, all.ofKind(asset.Script))
	if err != nil {
		return nil, err
	}
	var loaded []string
	for _, script := range scripts {
		for _, f := range all.marked(script.marked) {
			if f.kind == asset.Font {
				loaded = append(loaded, f.path)
			}
		}
	}
	slices.Sort(loaded)
	return slices.Compact(loaded), nil
}

// styled are the style sheets of a page that can concern fonts: those that it
// loads, each after the sheets that it imports, and the page's own. bases has
// the address of each.
type styled struct{ css, bases []string }

func (p *styled) key() string { return strings.Join(append(slices.Clone(p.bases), p.css...), "\x00") }

func (p *styled) code(c *coder) {
	c.texts(&p.css)
	c.texts(&p.bases)
}

// stylesOf finds the style sheets of a page.
func (s *fontPhase) stylesOf(ctx context.Context, ask *query.Ask, key string) (*styled, error) {
	p, r, err := s.renderedPage(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	found := &styled{}
	seen := map[*static]bool{}
	var load func(f *static) error
	load = func(f *static) error {
		if f == nil || f.kind != asset.Style || seen[f] {
			return nil
		}
		seen[f] = true
		sheet, err := s.sheets.Get(ctx, ask, f.path)
		if err != nil {
			return err
		}
		for _, named := range all.marked(sheet.marked) {
			if err := load(named); err != nil {
				return err
			}
		}
		found.css, found.bases = append(found.css, sheet.written), append(found.bases, asset.URL(f.path))
		return nil
	}
	for _, link := range r.found.Links {
		if link.Element == "link" {
			if err := load(all.at(p.base(), link.Url)); err != nil {
				return nil, err
			}
		}
	}
	for _, style := range r.found.Styles {
		if strings.Contains(style, "font") {
			found.css, found.bases = append(found.css, style), append(found.bases, p.base())
		}
	}
	return found, nil
}

// at finds the static file that a reference in a document at base leads to.
func (a *statics) at(base, reference string) *static {
	if markup.IsPlainPath(reference) {
		return a.byPath[reference[1:]]
	}
	from, err := url.Parse(base)
	if err != nil {
		return nil
	}
	to, err := from.Parse(reference)
	if err != nil || to.Host != "" || to.Scheme != "" {
		return nil
	}
	return a.byPath[strings.TrimPrefix(to.Path, "/")]
}

// bunchSize is about how many pages are looked through together for what they
// show. A page that changes costs a look at its bunch; each bunch costs a look
// at the sheets.
const bunchSize = 64

// bunches are the pages by bunch. A page stays in its own while others come and
// go, until the site is twice as large.
func (s *fontPhase) bunches(ctx context.Context, ask *query.Ask, _ string) ([][]string, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	n := 1
	for n*bunchSize < len(t.pages) {
		n *= 2
	}
	all := make([][]string, n)
	for _, key := range t.keys() {
		h := fnv.New32a()
		h.Write([]byte(key))
		i := h.Sum32() % uint32(n)
		all[i] = append(all[i], key)
	}
	return all, nil
}

// bunch is the pages of one bunch.
func (s *fontPhase) bunch(ctx context.Context, ask *query.Ask, key string) ([]string, error) {
	all, err := s.bunched.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(key)
	if err != nil || i >= len(all) {
		return nil, err
	}
	return all[i], nil
}

// characters are, for each font file that style sheets load, those that pages
// show in its family, and the features that sheets ask for.
type characters struct {
	of       map[string]string
	features map[string][]string
	whole    []string // fonts in which any character may be shown, sorted
	warnings []Problem
}

func (s *characters) code(c *coder) {
	dict(c, &s.of, c.text)
	dict(c, &s.features, c.texts)
	c.texts(&s.whole)
	c.problems(&s.warnings)
}

func newCharacters() *characters {
	return &characters{of: map[string]string{}, features: map[string][]string{}}
}

// add adds what is shown in a font.
func (s *characters) add(font, letters string, features []string) {
	s.of[font] = union(s.of[font], letters)
	all := slices.Concat(s.features[font], features)
	slices.Sort(all)
	s.features[font] = slices.Compact(all)
}

// charactersOf finds what a bunch of pages show.
func (s *fontPhase) charactersOf(ctx context.Context, ask *query.Ask, key string) (*characters, error) {
	keys, err := s.bunchOf.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	all, err := s.statics.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	styles, err := s.styles.All(ctx, ask, keys)
	if err != nil {
		return nil, err
	}
	pages, err := s.pages.All(ctx, ask, keys)
	if err != nil {
		return nil, err
	}
	groups, bases := map[string]*fontspb.AnalyseRequest{}, map[string][]string{}
	for i, style := range styles {
		if len(style.css) == 0 {
			continue // it loads no font
		}
		group := style.key()
		if groups[group] == nil {
			groups[group], bases[group] = &fontspb.AnalyseRequest{Css: style.css}, style.bases
		}
		groups[group].Html = append(groups[group].Html, pages[i].html)
	}
	var n notes
	shown := newCharacters()
	for _, group := range sortedKeys(groups) {
		answer, err := call(ctx, s.build, "fonts", "", s.Fonts.Analyse, groups[group])
		if missing, err := n.without(err, copiedWhole); missing {
			ask.Brief()
			return &characters{warnings: n.list}, nil
		} else if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for path, letters := range lettersOf(all, bases[group], answer) {
			shown.add(path, letters, answer.Features)
			if answer.Whole {
				shown.whole = append(shown.whole, path)
			}
		}
	}
	slices.Sort(shown.whole)
	shown.whole = slices.Compact(shown.whole)
	return shown, nil
}

// lettersOf are the letters of each font file that the faces of an answer load.
// Many faces of a file are mostly of one family.
func lettersOf(all *statics, bases []string, answer *fontspb.AnalyseResponse) map[string]string {
	type use struct{ path, family string }
	seen := map[use]bool{}
	sets := map[string]map[rune]bool{}
	for _, face := range answer.Faces {
		if int(face.Sheet) < 0 || int(face.Sheet) >= len(bases) {
			continue
		}
		f := all.at(bases[face.Sheet], face.Src)
		if f == nil || seen[use{f.path, face.Family}] {
			continue
		}
		seen[use{f.path, face.Family}] = true
		if sets[f.path] == nil {
			sets[f.path] = map[rune]bool{}
		}
		for _, r := range answer.Characters[face.Family] {
			sets[f.path][r] = true
		}
	}
	letters := map[string]string{}
	for path, set := range sets {
		letters[path] = string(slices.Sorted(maps.Keys(set)))
	}
	return letters
}

// charactersIn are the characters that the site's pages show in a font.
func (s *fontPhase) charactersIn(ctx context.Context, ask *query.Ask, key string) (*characters, error) {
	bunches, err := s.bunched.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(bunches))
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	all, err := s.bunchShows.All(ctx, ask, keys)
	if err != nil {
		return nil, err
	}
	shown := newCharacters()
	for _, some := range all {
		shown.add(key, some.of[key], some.features[key])
		shown.warnings = append(shown.warnings, some.warnings...)
		if slices.Contains(some.whole, key) {
			shown.whole = []string{key}
		}
	}
	return shown, nil
}

// union is the characters of two texts, each once, sorted.
func union(a, b string) string {
	known := make(map[rune]bool, len(a))
	for _, r := range a + b {
		known[r] = true
	}
	return string(slices.Sorted(maps.Keys(known)))
}
