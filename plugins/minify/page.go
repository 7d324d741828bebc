package minify

import (
	"bytes"
	"io"
	"regexp"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/html"
	"github.com/tdewolff/minify/v2/js"
	"github.com/tdewolff/minify/v2/json"
)

// minifier is a page minifier with its options set; it may be used by many calls at once.
type minifier struct {
	pages  html.Minifier
	inside *minify.M // for what is inside a page: styles, scripts, JSON
}

func newMinifier() *minifier {
	inside := minify.New()
	inside.AddFunc("text/css", orAsWritten(css.Minify))
	inside.AddFuncRegexp(regexp.MustCompile(`^(application|text)/(x-)?(java|ecma)script$|^module$`), orAsWritten(js.Minify))
	inside.AddFuncRegexp(regexp.MustCompile(`[/+]json$|^importmap$|^speculationrules$`), orAsWritten(json.Minify))
	return &minifier{
		pages: html.Minifier{
			KeepDefaultAttrVals: true,
			KeepDocumentTags:    true,
			KeepEndTags:         true,
			KeepSpecialComments: true,
			TemplateDelims:      html.GoTemplateDelims,
		},
		inside: inside,
	}
}

// page minifies a whole page.
func (m *minifier) page(source string) (string, error) {
	guard := newSpaceGuard(source)
	var out bytes.Buffer
	out.Grow(len(source))
	if err := m.pages.Minify(m.inside, &out, bytes.NewReader([]byte(guard.hide(source))), nil); err != nil {
		return "", err
	}
	return guard.show(out.String()), nil
}

// orAsWritten is a minifier that passes on what small cannot parse. The library works in place, so it gets a copy.
func orAsWritten(small minify.MinifierFunc) minify.MinifierFunc {
	return func(m *minify.M, w io.Writer, r io.Reader, params map[string]string) error {
		source, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := small(m, &out, bytes.NewReader(bytes.Clone(source)), params); err != nil {
			_, err := w.Write(source)
			return err
		}
		_, err = out.WriteTo(w)
		return err
	}
}
