package minify

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"ddc/internal/markup"
)

// scriptKind says what a <script> holds.
type scriptKind int

const (
	noScript scriptKind = iota
	javaScript
	jsonScript
)

var (
	javaScriptTypes = regexp.MustCompile(`^$|^(application|text)/(x-)?(java|ecma)script$|^module$`)
	jsonTypes       = regexp.MustCompile(`[/+]json$|^importmap$|^speculationrules$`)
)

// scriptKindOf is the kind of what the element of a start tag holds. A script
// of SVG has entities, and stays as it is.
func scriptKindOf(t markup.Token) scriptKind {
	if t.Name != "script" || t.Foreign {
		return noScript
	}
	switch kind := strings.ToLower(strings.TrimSpace(t.Attributes.Value("type"))); {
	case javaScriptTypes.MatchString(kind):
		return javaScript
	case jsonTypes.MatchString(kind):
		return jsonScript
	}
	return noScript
}

// minify makes a script smaller. What cannot be parsed stays as written, for a
// browser may know better; so does what would not stay in its element.
func (k scriptKind) minify(source string) string {
	var small string
	var ok bool
	switch k {
	case javaScript:
		small, ok = minifyJavaScript(source)
	case jsonScript:
		small, ok = minifyJSON(source)
	}
	if !ok || len(small) >= len(source) || !markup.Contains("script", small) {
		return source
	}
	return small
}

// minifyJavaScript leaves out comments and space. Names and statements stay:
// eval reads names, and so does whoever reads the source.
func minifyJavaScript(source string) (string, bool) {
	result := api.Transform(source, api.TransformOptions{
		Loader:           api.LoaderJS,
		MinifyWhitespace: true,
		Charset:          api.CharsetUTF8,
		LegalComments:    api.LegalCommentsInline,
		LogLevel:         api.LogLevelSilent,
	})
	return strings.TrimSuffix(string(result.Code), "\n"), len(result.Errors) == 0
}

// minifyJSON leaves out space. Numbers and escapes stay as written.
func minifyJSON(source string) (string, bool) {
	var small bytes.Buffer
	err := json.Compact(&small, []byte(source))
	return small.String(), err == nil
}
