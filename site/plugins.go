package site

import (
	"context"

	"google.golang.org/grpc"

	"ddc/plugins/code_execution/code_executionpb"
	"ddc/plugins/css/csspb"
	"ddc/plugins/fonts/fontspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/html_diff/html_diffpb"
	"ddc/plugins/image/imagepb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/jxl/jxlpb"
	"ddc/plugins/linkcheck/linkcheckpb"
	"ddc/plugins/markdown/markdownpb"
	"ddc/plugins/minify/minifypb"
	"ddc/plugins/pagefind/pagefindpb"
	"ddc/plugins/sass/sasspb"
	"ddc/plugins/svgo/svgopb"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
	"ddc/plugins/webp/webppb"
)

// Plugins are the services that a build calls. Connect makes them from
// connections; a test may use others.
type Plugins struct {
	CodeExecution   code_executionpb.CodeExecutionClient
	Css             csspb.CssClient
	Fonts           fontspb.FontsClient
	Html            htmlpb.HtmlClient
	HtmlDiff        html_diffpb.HtmlDiffClient
	Image           imagepb.ImageClient
	Js              jspb.JsClient
	Jxl             jxlpb.JxlClient
	Linkcheck       linkcheckpb.LinkcheckClient
	Markdown        markdownpb.MarkdownClient
	Minify          minifypb.MinifyClient
	Pagefind        pagefindpb.PagefindClient
	Sass            sasspb.SassClient
	Svgo            svgopb.SvgoClient
	SyntaxHighlight syntax_highlightpb.SyntaxHighlightClient
	Webp            webppb.WebpClient

	// Extensions are the plugins of the site's own. Connect makes none.
	Extensions []Extension
	// Renew, if not nil, looks at their programs again, has them run what they
	// are now, and gives the Extensions anew, in the same order. A server calls
	// it while nobody asks the site.
	Renew func(context.Context) ([]Extension, error)
}

// Connect makes the services from connections. conn gives a connection by the
// plugin's name, as in "ddc plugin NAME". Connect asks for each once and makes
// no call.
func Connect(conn func(name string) grpc.ClientConnInterface) Plugins {
	return Plugins{
		CodeExecution:   code_executionpb.NewCodeExecutionClient(conn("code_execution")),
		Css:             csspb.NewCssClient(conn("css")),
		Fonts:           fontspb.NewFontsClient(conn("fonts")),
		Html:            htmlpb.NewHtmlClient(conn("html")),
		HtmlDiff:        html_diffpb.NewHtmlDiffClient(conn("html_diff")),
		Image:           imagepb.NewImageClient(conn("image")),
		Js:              jspb.NewJsClient(conn("js")),
		Jxl:             jxlpb.NewJxlClient(conn("jxl")),
		Linkcheck:       linkcheckpb.NewLinkcheckClient(conn("linkcheck")),
		Markdown:        markdownpb.NewMarkdownClient(conn("markdown")),
		Minify:          minifypb.NewMinifyClient(conn("minify")),
		Pagefind:        pagefindpb.NewPagefindClient(conn("pagefind")),
		Sass:            sasspb.NewSassClient(conn("sass")),
		Svgo:            svgopb.NewSvgoClient(conn("svgo")),
		SyntaxHighlight: syntax_highlightpb.NewSyntaxHighlightClient(conn("syntax_highlight")),
		Webp:            webppb.NewWebpClient(conn("webp")),
	}
}
