package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
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

	// text is a style sheet or script, with marks instead of the assets that it
	// names. written is the text without marks.
	text, written string
	// data is written instead of the file: a font, unpacked and later cut down,
	// or an optimised drawing.
	data []byte
	// unpacked says that data is a font that can be cut down.
	unpacked bool
	// digits is the hash of what is written. output is the final path.
	digits, output string
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

// A mark stands for the address of an asset whose final name is not known yet.
// Style sheets and scripts may name each other, and fonts, in any order. So all
// are read once, with marks for all assets, which shows which file names which.
// A final name is put in once everything that it depends on has its own.
const markFormat = "/__ddc8f3a61c0_%06d__"

var marks = regexp.MustCompile(`/__ddc8f3a61c0_(\d{6})__`)

// markMap maps every address at which an asset may be asked for to its mark.
func (b *build) markMap() map[string]string {
	m := make(map[string]string, len(b.statics))
	for _, s := range b.statics {
		for _, name := range asset.Names(s.path) {
			m[name] = fmt.Sprintf(markFormat, s.index)
		}
	}
	return m
}

// marked gives the assets that a text has marks for, each once, in order of
// index.
func (b *build) marked(text string) []*static {
	seen := map[int]bool{}
	for _, m := range marks.FindAllStringSubmatch(text, -1) {
		if i, _ := strconv.Atoi(m[1]); i < len(b.statics) {
			seen[i] = true
		}
	}
	var found []*static
	for _, i := range slices.Sorted(maps.Keys(seen)) {
		found = append(found, b.statics[i])
	}
	return found
}

// unmark puts addresses in the place of marks.
func (b *build) unmark(text string, address func(*static) string) string {
	return marks.ReplaceAllStringFunc(text, func(mark string) string {
		i, _ := strconv.Atoi(marks.FindStringSubmatch(mark)[1])
		if i >= len(b.statics) {
			return mark
		}
		return address(b.statics[i])
	})
}

// readStatics does what can be done to each static file by itself.
func (b *build) readStatics(ctx context.Context) error {
	urls := b.markMap()
	names := newMentions(sortedKeys(urls))
	return b.phase(ctx,
		func(ctx context.Context) error { return b.pictures(ctx) },
		func(ctx context.Context) error { return beside(ctx, b, b.staticsOf(asset.Font), b.unpackFont) },
		func(ctx context.Context) error {
			return each(ctx, b, b.statics, func(ctx context.Context, s *static) error {
				switch s.kind {
				case asset.Style:
					return b.readStyle(ctx, s, urls, names)
				case asset.Script:
					return b.readScript(ctx, s, urls, names)
				case asset.Drawing:
					return b.readDrawing(ctx, s)
				case asset.Plain:
					return b.digest(s)
				default:
					return nil // a picture or a font
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
		&csspb.RewriteRequest{Path: s.name(), Css: s.written, Urls: pick(names, urls, s.written), Base: asset.URL(s.path), Minify: true})
	if err != nil {
		return err
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

func (b *build) readScript(ctx context.Context, s *static, urls map[string]string, names *mentions) (err error) {
	if s.written, err = b.text(s.file); err != nil {
		return err
	}
	answer, err := call(ctx, b, "js", s.name(), b.Js.Rewrite,
		&jspb.RewriteRequest{Path: s.path, Js: s.written, Urls: pick(names, urls, s.written)}) // modules import others relative to their own path
	if err != nil {
		return err
	}
	s.text = answer.Js
	return nil
}

// readDrawing optimises an SVG. It is copied where the tool for it is missing.
func (b *build) readDrawing(ctx context.Context, s *static) error {
	text, err := b.text(s.file)
	if err != nil {
		return err
	}
	answer, err := call(ctx, b, "svgo", s.name(), b.Svgo.Optimise, &svgopb.OptimiseRequest{Path: s.name(), Svg: text})
	if missing, err := b.without(err, "drawings are copied as they are"); missing {
		return b.digest(s)
	} else if err != nil {
		return err
	}
	s.data = []byte(answer.Svg)
	s.digits = asset.Hash(s.data)
	return nil
}

// unpackFont decompresses a font, which also shows whether it is whole. It is
// copied where the tool for it is missing.
func (b *build) unpackFont(ctx context.Context, s *static) error {
	data, err := b.bytes(s.file)
	if err != nil {
		return err
	}
	s.digits = asset.Hash(data)
	return b.weigh(ctx, fontCost(fontUnpacked*len(data)), func(ctx context.Context) error {
		answer, err := call(ctx, b, "fonts", s.name(), b.Fonts.Decompress, &fontspb.DecompressRequest{Path: s.name(), Data: data})
		if missing, err := b.without(err, "fonts are copied whole"); missing || err != nil {
			return err
		}
		s.data, s.unpacked = answer.Data, true
		return nil
	})
}
