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
	bareTag  = regexp.MustCompile(`^(\{([{%])-?[ \t\n]*([A-Za-z_][A-Za-z0-9_]*))(?:[^A-Za-z0-9_(.:-]|$)`)
	// oddCall is a call of what can be no file in templates/shortcodes.
	oddCall = regexp.MustCompile(`^(\{[{%]-?[ \t\n]*([A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)+))[ \t\n]*\(`)
	// openLiteral begins a call that is to be shown.
	openLiteral = regexp.MustCompile(`^\{([{%])/\*[ \t\n]*(?:[A-Za-z_][A-Za-z0-9_]*\(|end\b)`)
)

// elsewhere warns of what only looks like a call, and is shown as text.
func (c *calls) elsewhere(at int) {
	written, message, hint := c.seeming(at)
	if message == "" || len(c.warnings) == maxWarnings {
		return
	}
	line, column := c.lines.at(at)
	written = strings.Join(strings.Fields(written), " ")
	c.warnings = append(c.warnings, &markdownpb.Warning{
		Message: written + " " + message + ": it is shown as text", Hint: hint,
		Place: &markdownpb.Place{Line: int32(line), Column: int32(column), Length: int32(utf8.RuneCountInString(written))},
	})
}

// seeming says what only looks like a call: one as Hugo has it, one without its
// brackets, one of a name that no shortcode can have, one that is to be shown
// and does not end, an end of none. Tags of templates may be what the page is
// about.
func (c *calls) seeming(at int) (written, message, hint string) {
	text := c.body[at:]
	if found := hugoCall.FindStringSubmatch(text); found != nil {
		name := possible(found[2])
		return found[1], "is a shortcode as Hugo has them",
			fmt.Sprintf("write {{ %s(name=\"value\") }}, or {%% %s() %%} text {%% end %%}, and templates/shortcodes/%s.html", name, name, name)
	}
	if found := openLiteral.FindStringSubmatch(text); found != nil && !literalHere.MatchString(text) {
		if found[1] == "%" {
			return found[0], "does not end", "write */%} behind it"
		}
		return found[0], "does not end", "write */}} behind it"
	}
	if found := oddCall.FindStringSubmatch(text); found != nil {
		name := possible(found[2])
		return found[1], "is no name of a shortcode", fmt.Sprintf("write %s(..), and templates/shortcodes/%s.html", name, name)
	}
	found := bareTag.FindStringSubmatch(text)
	if found == nil || at > 0 && c.body[at-1] == '{' {
		return "", "", ""
	}
	switch known := slices.Contains(c.names, found[3]); {
	case known && found[2] == "%":
		return found[1], "is a shortcode without its brackets", "write {% " + found[3] + "() %} text {% end %}"
	case known:
		return found[1], "is a shortcode without its brackets", "write {{ " + found[3] + "() }}"
	case found[2] == "%" && found[3] == "end":
		return found[1], "ends no shortcode", "write {% name() %} before the text"
	}
	return "", "", ""
}

// possible makes a name that a shortcode can have.
func possible(name string) string {
	return strings.NewReplacer("::", "_", "-", "_", "/", "_", ".", "_").Replace(name)
}
