package site

import (
	"context"
	"errors"
	"maps"
	"path"
	"strconv"
	"strings"

	"ddc/internal/query"
	"ddc/plugins/css/csspb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/sass/sasspb"
	"ddc/plugins/svgo/svgopb"
	"ddc/site/asset"
)

// mainSass is the Sass file that is compiled.
const mainSass = "main.scss"

var sassExtensions = []string{".scss", ".sass", ".css"}

// code is a text that names other files: a style sheet, a script, a drawing or
// a manifest.
type code struct {
	written  string // as its author wrote it, or Sass did
	marked   string // with marks instead of the assets that it names
	unknown  []unknownReference
	warnings []Problem
}

func (s *code) code(c *coder) {
	c.text(&s.written)
	c.text(&s.marked)
	list(c, &s.unknown, func(u *unknownReference) { u.code(c) })
	c.problems(&s.warnings)
}

// readSheet reads a style sheet.
func (s *staticPhase) readSheet(ctx context.Context, ask *query.Ask, key string) (*code, error) {
	f, all, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	sheet := &code{}
	if f.compiled {
		sheet.written, err = s.compiled.Get(ctx, ask, f.entry)
	} else {
		sheet.written, err = s.texts.Get(ctx, ask, f.name)
	}
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, s.build, "css", f.name, s.Css.Rewrite,
		&csspb.RewriteRequest{Path: f.name, Css: sheet.written, Urls: all.markMap(sheet.written), Base: asset.URL(f.path), Minify: !f.stable})
	sheet.marked = answer.GetCss()
	for _, ref := range answer.GetUnknown() {
		sheet.unknown = append(sheet.unknown, unknownReference{unresolved: ref, file: f.name, placeless: f.compiled})
	}
	return sheet, err
}

// compile compiles a file of the sass folder. Faults may be in any of them.
func (s *staticPhase) compile(ctx context.Context, ask *query.Ask, entry string) (string, error) {
	files, err := s.textsIn(ctx, ask, "sass", sassExtensions...)
	if err != nil {
		return "", err
	}
	folder := s.name(s.cfg.Folder("sass"))
	sources := files.Texts
	if entry != mainSass { // the plugin begins with main.scss
		sources = maps.Clone(sources)
		sources[mainSass] = "@use " + strconv.Quote(strings.TrimSuffix(entry, path.Ext(entry))) + ";\n"
	}
	answer, err := call(ctx, s.build, "sass", path.Join(folder, entry), s.Sass.Compile, &sasspb.CompileRequest{Files: sources, MostMs: s.options.SassTime.Milliseconds(), MostBytes: s.options.Limit / 8 * 3})
	var faults Errors
	if errors.As(err, &faults) {
		for i, p := range faults { // the plugin knows the folder by no other name
			if name, below := strings.CutPrefix(p.File, "sass/"); below {
				faults[i].File = path.Join(folder, name)
			}
		}
		return "", faults
	}
	return answer.GetCss(), err
}

// readScript reads a script.
func (s *staticPhase) readScript(ctx context.Context, ask *query.Ask, key string) (*code, error) {
	f, all, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	text, err := s.texts.Get(ctx, ask, f.name)
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, s.build, "js", f.name, s.Js.Rewrite,
		&jspb.RewriteRequest{Path: f.name, Js: text, Urls: withMade(s.cfg.Site.Base, text, all.markMap(text)), Base: asset.URL(f.path), Prefix: s.cfg.Site.Base.Prefix})
	script := &code{written: text, marked: answer.GetJs()}
	script.unknown = unknownIn(answer, f.name, "")
	return script, err
}

// ratioOf is the ratio that a drawing has by itself, if any.
func (s *staticPhase) ratioOf(ctx context.Context, ask *query.Ask, key string) (string, error) {
	f, _, err := s.static(ctx, ask, key)
	if err != nil {
		return "", err
	}
	text, err := s.texts.Get(ctx, ask, f.name)
	if err != nil {
		return "", err
	}
	return drawingRatio(text), nil
}

// readDrawing optimises an SVG, unless the tool for it is missing.
func (s *staticPhase) readDrawing(ctx context.Context, ask *query.Ask, key string) (*code, error) {
	f, all, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	text, err := s.texts.Get(ctx, ask, f.name)
	if err != nil {
		return nil, err
	}
	var n notes
	answer, err := call(ctx, s.build, "svgo", f.name, s.Svgo.Optimise, &svgopb.OptimiseRequest{Path: f.name, Svg: text})
	if missing, err := n.without(err, "drawings are copied as they are"); err != nil {
		return nil, err
	} else if missing {
		ask.Brief()
	} else {
		text = answer.Svg
	}
	made := &code{warnings: n.list}
	made.marked, err = s.rewriteMarkup(ctx, f, text, all)
	return made, err
}
