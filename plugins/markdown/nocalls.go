package markdown

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"ddc/plugins/markdown/markdownpb"
)

var (
	hugoCall = regexp.MustCompile(`^(\{\{[<%][ \t]*([A-Za-z_][A-Za-z0-9_./-]*))`)
	bareTag  = regexp.MustCompile(`^(\{([{%])-?[ \t]*([A-Za-z_][A-Za-z0-9_]*))\b[ \t]*(-?[}%]\}|[^(])`)
)

// elsewhere warns of what only looks like a call, and is shown as text: one as Hugo
// has it, one without its brackets, an end of none. Tags of templates may be what the
// page is about.
func (c *calls) elsewhere(at int) {
	var written, message, hint string
	text := c.body[at:]
	if found := hugoCall.FindStringSubmatch(text); found != nil {
		name := strings.NewReplacer("-", "_", "/", "_", ".", "_").Replace(found[2])
		written, message = found[1], "is a shortcode as Hugo has them"
		hint = fmt.Sprintf("write {{ %s(name=\"value\") }}, or {%% %s() %%} text {%% end %%}, and templates/shortcodes/%s.html", name, name, name)
	} else if found = bareTag.FindStringSubmatch(text); found != nil && (at == 0 || c.body[at-1] != '{') {
		written = found[1]
		switch known := slices.Contains(c.names, found[3]); {
		case known && found[2] == "%":
			message, hint = "is a shortcode without its brackets", "write {% "+found[3]+"() %} text {% end %}"
		case known && strings.HasSuffix(found[4], "}}"):
			message, hint = "is a shortcode without its brackets", "write {{ "+found[3]+"() }}"
		case found[2] == "%" && found[3] == "end":
			message, hint = "ends no shortcode", "write {% name() %} before the text"
		}
	}
	if message == "" || len(c.warnings) == maxWarnings {
		return
	}
	line, column := c.lines.at(at)
	c.warnings = append(c.warnings, &markdownpb.Warning{
		Message: written + " " + message + ": it is shown as text", Hint: hint,
		Place: &markdownpb.Place{Line: int32(line), Column: int32(column), Length: int32(utf8.RuneCountInString(written))},
	})
}
