// Package markuptest makes documents that are hard to edit, and says what a
// browser's parser makes of them.
package markuptest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
)

// contexts are the places of a page that have rules of their own for a text.
// Each has one "%s".
var contexts = []string{
	"<p>%s</p>", "<p title=\"%s\">x</p>", "<p title='%s'>x</p>", "<p title=%s>x</p>", "<p %s>x</p>", "<p class=a%s>x</p>", "%s", "<%s>", "</%s>", "&%s",
	"<title>%s</title>", "<textarea>%s</textarea>", "<textarea>\n%s</textarea>", "<script>%s</script>", "<script>f(\"%s\")</script>", "<script>f(`%s`)</script>",
	"<script type=module>/* c */ f('%s')</script>", "<script type=\"application/ld+json\">{ \"a\": \"%s\" }</script>", "<script type=text/x-template> <b>%s</b> </script>",
	"<script><!-- %s\n--></script>", "<script>// %s\nf( 1 )</script>", "<style>%s</style>", "<style>a{content:\"%s\"}</style>", "<style>/* %s */</style>",
	"<xmp>%s</xmp>", "<noscript>%s</noscript>", "<noscript><a href=/a.png>%s</a></noscript>", "<iframe>%s</iframe>", "<iframe srcdoc=\"%s\"></iframe>", "<noembed>%s</noembed>", "<p>x<plaintext>%s",
	"<script type=importmap>{ \"imports\": { \"%s\": \"/x.js\" } }</script>", "<script type=speculationrules>{ \"prefetch\": [ { \"urls\": [ \"%s\" ] } ] }</script>", "<noframes>%s</noframes>", "<svg><script>f(\"%s\")</script></svg>", "<svg><style>a{content:\"%s\"}</style></svg>",
	"<!--%s-->", "a<!-- %s -->b", "<!--[if IE]>%s<![endif]-->", "<!%s>", "<?%s>",
	"<svg><text>%s</text></svg>", "<svg><style>%s</style></svg>", "<svg><script>%s</script></svg>", "<svg><title>%s</title></svg>", "<svg><![CDATA[%s]]></svg>", "<svg><path d=\"%s\"/></svg>",
	"<svg><desc>%s</desc></svg>", "<svg><foreignObject>%s</foreignObject></svg>", "<svg>%s</svg>", "<svg viewBox=%s/>", "<div><svg>%s</div>", "<svg><g><style>a{}</style>%s</svg>",
	"<math><mi>%s</mi></math>", "<math><annotation-xml encoding=text/html>%s</annotation-xml></math>", "<math><annotation-xml>%s</annotation-xml></math>",
	"<template>%s</template>", "<select><option>%s</select>", "<table><tr><td>%s</td></tr></table>", "<table>%s</table>", "<table><tr>%s</tr></table>", "<table><colgroup>%s</table>", "<table><caption>%s</caption></table>",
	"<pre>%s</pre>", "<pre>\n%s</pre>", "<pre><!-- c -->%s</pre>", "<pre><code>%s</code></pre>", "<code>%s</code>", "<listing>%s</listing>",
	"<a href=\"%s\">x</a>", "<a href=/a.png title=%s>x</a>", "<a href=\"javascript:%s\">x</a>", "<b onclick=\"f('%s')\">x</b>", "<img srcset=\"/a.png 1x, %s\">", "<img src=/a.png alt=\"%s\" />", "<p style=\"%s\">x</p>",
	"<ul><li>%s<li>x</ul>", "<b><i>%s</b></i>", "<p><b>%s</p>x", "<button>%s</button>", "<form>%s</form>", "<a>%s</a>", "<a-k>%s</a-k>", "<h1>%s</h2>", "<ruby>a<rt>%s</ruby>",
	"<!doctype html><html><head>%s</head><body>x</body></html>", "<!DOCTYPE html>\n<html>\n<head>\n <meta charset=utf-8>\n <title>t</title>\n</head>\n<body>\n %s\n</body>\n</html>\n", "<head> <title>t</title> %s", "<body>%s</body> x",
	"<frameset>%s</frameset>", "<html lang=%s>", "<br class=\"%s\"/>", "<p/%s/>", "<p a = \"%s\" b >x</p>",
}

// texts are what hostile and careless people put there.
var texts = []string{
	"", "x", " ", "  a   b  ", "\n", "\n\n a\t b\n", "\f", "\r\n", "\u00a0", "\u2028", "\x00", "<", ">", "&", "\"", "'", "`", "=", "/", "//", "a/", "= b", "-", "--", "-->", "--!>", "<!-- c -->", "<!--", "<!-->", " <!-- c --> ", "<!--[if x]>y<![endif]-->",
	"</script>", "<\\/script>", "</SCRIPT >", "</scr", "<script>", "<!--<script>", "<!--<script></script>", "<\\!--", "\\x3c/script>", "<script>f( 1 )</script>", "<script type=module>let a = \"<\\/script>\" </script>",
	"</style>", "<\\/style>", "<style> a { b : c } </style>", "<style/>", "</title>", "<title>a <b>", "</textarea>", "</noscript>", "<noscript> <!-- c --> </noscript>", "</xmp>", "<plaintext>", "</iframe>", "</template>", "<template>",
	"&lt;b&gt;", "&quot;&#39;&#34;&apos;", "&amp;quot;", "&amp;lt;", "&copy=1", "&copy", "&notit;", "&#0;", "&#13;", "&#x80;", "&<!-- c -->amp;", "<<!-- c -->b>", "&a<!-- c -->mp;&gt;", "&#3&#57;", "a&quot",
	"{{ a | b('x  y') }}", "{{ \"", "}}", "{% if a  b %}", "<b>", "</b>", "<p>", "</p>", "<br/>", "<br />", "<hr  / >", "</br>", "<div class=\"a b\" id=\"c\"></div>", "<p title=\"\" lang=\"en\">x", "<input value=\"a\"disabled=\"\">", "<p a=\"x/\"/>y", "<a b=\"c=\" =d e=\"\" =f>g</a>",
	"<a href=\"/a.png\">x</a>", "<a href=/a.png/>x</a>", "<img src='/a.png' / >", "<img src=\"/m.jpg\" alt=\"\">", "<img src=/m.jpg a=>", "<picture><img src=/m.jpg></picture>", "<a href=nope b=>x</a>", "<a href=\"nope?a=1&amp;copy=2\">x</a>",
	"<svg>", "</svg>", "<svg/>", "<svg><a href=/a.png /></svg>", "<math>", "</math>", "</mi>", "<![CDATA[", "]]>", "<![CDATA[ <a href=/a.png> ]]>", "<svg><style>a<!-- c -->b</style></svg>", "<svg><title/><p>x</svg>", "<svg><path d=\"a\"/><path d=\"b/\" /></svg>", "<svg><font color=a>x", "<math><mi><b>x</b></mi><mglyph/></math>",
	"<table>", "</table>", "<td>", "</td> <td>", "<tr> <td>a</td> <td>b</td> </tr>", "<table> <tr> </tr> x </table>", "<li>", "<dd> a <dt> b ", "<option>", "<select>", "<body class=\"a\">", "</body>", "</html> ", "</head>", "<head>", "<base href=/>", "<meta name=\"a\" content=\"b  c\">", "<link rel=x href=/a.png>", "<html a=b>", "<frameset>",
	"<pre>\n\n a  b</pre>", "<pre><code>a</code></pre>", "<button><pre>a</pre></button>", "<span> a</span> <span>b </span>", "<b style=\"white-space:pre\">a   b</b>", "<i style=\"flex:1 1 0px\"></i>",
}

// Documents are every text in every context, and then many in contexts inside
// contexts, always the same.
func Documents() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, context := range contexts {
			for _, text := range texts {
				if !yield(fmt.Sprintf(context, text)) {
					return
				}
			}
		}
		for document := range nested(6000) {
			if !yield(document) {
				return
			}
		}
	}
}

// nested are n documents of texts in contexts inside contexts.
func nested(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		for range n {
			document := pick(random, texts) + pick(random, texts)
			for range 1 + random.IntN(3) {
				document = pick(random, texts) + fmt.Sprintf(pick(random, contexts), document) + pick(random, texts)
			}
			if !yield(document) {
				return
			}
		}
	}
}

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

// Seeds are a few documents to begin to fuzz with: a long text in each context.
func Seeds() []string {
	var seeds []string
	for _, context := range contexts {
		seeds = append(seeds, fmt.Sprintf(context, strings.Join(texts[31:46], "")))
	}
	return slices.Compact(seeds)
}
