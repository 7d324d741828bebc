package svgo

import "strings"

// write prints a document, and puts nothing between elements that is not in the
// tree.
func write(d *document) string {
	var out strings.Builder
	for _, n := range d.prolog {
		writeNode(&out, n)
	}
	writeNode(&out, d.root)
	return out.String()
}

func writeNode(out *strings.Builder, n node) {
	switch n := n.(type) {
	case markup:
		out.WriteString(string(n))
	case text:
		out.WriteString(escapeText.Replace(string(n)))
	case *element:
		out.WriteString("<" + n.tag())
		for _, a := range n.attributes {
			out.WriteString(" " + joinName(a.prefix, a.name) + "=" + quoted(a.value))
		}
		if len(n.children) == 0 {
			out.WriteString("/>")
			return
		}
		out.WriteString(">")
		for _, child := range n.children {
			writeNode(out, child)
		}
		out.WriteString("</" + n.tag() + ">")
	}
}

var (
	escapeText   = strings.NewReplacer("&", "&amp;", "<", "&lt;", "]]>", "]]&gt;", "\r", "&#13;")
	escapeDouble = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\r", "&#13;")
	escapeSingle = strings.NewReplacer("&", "&amp;", "<", "&lt;", "'", "&#39;", "\r", "&#13;")
)

// quoted writes an attribute's value in the quotes that need fewer escapes.
func quoted(value string) string {
	if strings.Count(value, `"`) > strings.Count(value, "'") {
		return "'" + escapeSingle.Replace(value) + "'"
	}
	return `"` + escapeDouble.Replace(value) + `"`
}
