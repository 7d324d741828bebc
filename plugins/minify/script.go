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

// scriptKindOf is the kind of text in a start tag's element. A script in SVG
// has entities, and stays as it is.
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

// minify makes a script smaller. A script that cannot be parsed stays as
// written, since a browser may know better. So does one whose short form would
// end its element early.
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

// What esbuild may do for the scripts of a page. It compares each name that
// shadows another with those of all scopes around it, for each of these scopes;
// and it takes a stack frame for each level of nesting. A script beyond a bound
// stays as written.
const (
	// maxScript bounds a script, in bytes.
	maxScript = 64 << 10
	// maxEffort bounds the sum of effort, which is some seconds.
	maxEffort = 1e9
)

// effort estimates from above what esbuild does for a script, as if each of its
// scopes lay in the one before.
func effort(source string) int {
	scopes := strings.Count(source, "{") + strings.Count(source, "=>") + strings.Count(source, "for")
	return len(source) * (1000 + scopes*scopes)
}

// minifyJavaScript leaves out comments and space. Names and statements stay:
// eval uses names, and so do people who read the source.
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
