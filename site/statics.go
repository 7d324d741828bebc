package site

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"ddc/plugins/css/csspb"
	"ddc/plugins/fonts/fontspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/sass/sasspb"
	"ddc/plugins/svgo/svgopb"
	"ddc/site/asset"
	"ddc/site/content"
)

// static is a file of the static folder, or the compiled style sheet.
type static struct {
	file content.File
	// path is below the static folder ("css/style.css"), and also below the
	// output folder if the file is stable.
	path   string
	kind   asset.Kind
	stable bool
	// compiled is the style sheet made of sass/main.scss, which has no file.
	compiled bool
	index    int

	// text is what names other assets: a style sheet, a script, a drawing or a
	// manifest, with marks instead of the assets, and later with their names.
	// written is a style sheet as it was written.
	text, written string
	// data is written instead of the file: a font, unpacked and later cut down.
	data []byte
	// unpacked says that data is a font that can be cut down.
	unpacked bool
	// digits is the hash of what is written. output is the final path.
	digits, output string
	// also says that the file stays at its old address too. left says that it
	// is not written at its new one.
	also, left bool
	// integrity is the digest of a text, once it is asked for.
	integrity string
	// picture has a picture's variants, or is nil if there are none.
	picture *htmlpb.Picture
}

// name is what messages call the file.
func (s *static) name() string {
	if s.compiled {
		return "sass/main.scss"
	}
	return s.file.Name
}

func (b *build) staticsOf(kind asset.Kind) []*static {
	var found []*static
	for _, s := range b.statics {
		if s.kind == kind {
			found = append(found, s)
		}
	}
	return found
}

func (b *build) addStatic(s *static) {
	s.index = len(b.statics)
	b.statics = append(b.statics, s)
	b.byPath[s.path] = s
}

// readStatics does what can be done to each static file by itself.
func (b *build) readStatics(ctx context.Context) error {
	urls := b.markMap(every)
	names := newMentions(sortedKeys(urls))
	return b.phase(ctx,
		func(ctx context.Context) error { return b.pictures(ctx) },
		func(ctx context.Context) error { return beside(ctx, b, b.fontsToCut(), b.unpackFont) },
		func(ctx context.Context) error {
			return each(ctx, b, b.statics, func(ctx context.Context, s *static) error {
				switch {
				case s.kind == asset.Style:
					return b.readStyle(ctx, s, urls, names)
				case s.kind == asset.Script:
					return b.readScript(ctx, s, urls, names)
				case s.kind == asset.Drawing && !s.stable:
					return b.readDrawing(ctx, s, urls, names)
				case s.kind == asset.Manifest && !s.stable:
					return b.readManifest(ctx, s, urls, names)
				case s.kind == asset.Picture, s.kind == asset.Font && !s.stable:
					return nil // they are read beside these
				default:
					return b.digest(s)
				}
			})
		})
}

// digest hashes a file that is copied as it is, without holding it in memory.
func (b *build) digest(s *static) error {
	f, err := b.project.OpenFile(s.file)
	if err == nil {
		defer f.Close()
		h := asset.NewHash()
		if _, err = io.Copy(h, f); err == nil {
			s.digits = asset.Digits(h)
			return nil
		}
	}
	return Errors{{File: s.name(), Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
}

func (b *build) readStyle(ctx context.Context, s *static, urls map[string]string, names *mentions) (err error) {
	if s.compiled {
		s.written, err = b.compileSass(ctx)
	} else {
		s.written, err = b.text(s.file)
	}
	if err != nil {
		return err
	}
	answer, err := call(ctx, b, "css", s.name(), b.Css.Rewrite,
		&csspb.RewriteRequest{Path: s.name(), Css: s.written, Urls: pick(names, urls, s.written), Base: asset.URL(s.path), Minify: !s.stable})
	if err != nil {
		return err
	}
	for _, ref := range answer.Unknown {
		b.unknown(s.name(), "", ref, s.compiled)
	}
	s.text = answer.Css
	return nil
}

// compileSass compiles sass/main.scss. Faults may be in any file of the folder.
func (b *build) compileSass(ctx context.Context) (string, error) {
	folder := b.name(b.cfg.Folder("sass"))
	if b.options.SassTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, b.options.SassTime)
		defer cancel()
	}
	answer, err := call(ctx, b, "sass", path.Join(folder, "main.scss"), b.Sass.Compile, &sasspb.CompileRequest{Files: b.sources.sass})
	var faults Errors
	if errors.As(err, &faults) {
		for i, p := range faults { // the plugin knows the folder by no other name
			if name, below := strings.CutPrefix(p.File, "sass/"); below {
				faults[i].File = path.Join(folder, name)
			}
		}
		return "", faults
	}
	if err != nil {
		return "", err
	}
	return answer.Css, nil
}

func (b *build) readScript(ctx context.Context, s *static, urls map[string]string, names *mentions) error {
	text, err := b.text(s.file)
	if err != nil {
		return err
	}
	answer, err := call(ctx, b, "js", s.name(), b.Js.Rewrite,
		&jspb.RewriteRequest{Path: s.name(), Js: text, Urls: pick(names, urls, text), Base: asset.URL(s.path)})
	if err != nil {
		return err
	}
	for _, ref := range answer.Unknown {
		b.unknown(s.name(), "", ref, false)
	}
	s.text = answer.Js
	return nil
}

// readDrawing optimises an SVG, unless the tool for it is missing.
func (b *build) readDrawing(ctx context.Context, s *static, urls map[string]string, names *mentions) error {
	text, err := b.text(s.file)
	if err != nil {
		return err
	}
	answer, err := call(ctx, b, "svgo", s.name(), b.Svgo.Optimise, &svgopb.OptimiseRequest{Path: s.name(), Svg: text})
	if missing, err := b.without(err, "drawings are copied as they are"); err != nil {
		return err
	} else if !missing {
		text = answer.Svg
	}
	s.text, err = b.rewriteMarkup(ctx, s, text, urls, names)
	return err
}

// fontsToCut are the fonts that are not to stay as they are.
func (b *build) fontsToCut() []*static {
	return slices.DeleteFunc(b.staticsOf(asset.Font), func(s *static) bool { return s.stable })
}

// unpackFont decompresses a font, which also shows whether it is whole. It is
// copied where the tool for it is missing, or where the tool cannot read it:
// browsers may know better.
func (b *build) unpackFont(ctx context.Context, s *static) error {
	data, err := b.bytes(s.file)
	if err != nil {
		return err
	}
	s.digits = asset.Hash(data)
	return b.weigh(ctx, fontCost(fontUnpacked*len(data)), func(ctx context.Context) error {
		answer, err := call(ctx, b, "fonts", s.name(), b.Fonts.Decompress, &fontspb.DecompressRequest{Path: s.name(), Data: data})
		if copied, err := b.copiedWhole(err); copied || err != nil {
			return err
		}
		s.data, s.unpacked = answer.Data, true
		return nil
	})
}

// copiedWhole makes a warning of what keeps a font from being cut down, and
// reports whether there was anything.
func (b *build) copiedWhole(err error) (bool, error) {
	var faults Errors
	if errors.As(err, &faults) {
		for _, p := range faults {
			p.Hint = "the font is copied whole"
			b.warn(p)
		}
		return true, nil
	}
	return b.without(err, "fonts are copied whole")
}
