package css

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/plugins/css/csspb"
)

// dense has a little of everything that a sheet can have.
const dense = "\ufeff@charset \"utf-8\";\r\n@import url(a.css) layer(b) supports(display:grid) screen;@import 'b.css';@namespace svg \"x\";@layer a,b.c;" +
	`:root{--a:{b:c};--d:"x\"y\
z";--e:url( /f\).png )}a:is(b,:not(.c\:d))>e~f+g||h::before{content:"\201c" attr(i) counter(j);background:url('k\'l.png'),image-set("m.png" 1x)!important}` +
	`/*! licence */.n{&:hover,&>o{color:rgb(1 2 3/50%);@media (1px<width<=2e3px){p:q}}margin:calc(1px + (2*var(--r,3px)))}<!-- -->` +
	`@media not all and (s){@supports not (t:u){@container v (w>1px){x{y:z}}}}@keyframes "a"{from{b:c}50.5%{d:e}to{f:g}}` +
	`@font-face{font-family:"h";src:url(i.woff2)format("woff2");unicode-range:U+0025-00FF,u+4??}@page :first{margin:1in;@top-left{content:""}}` +
	"@property --j{syntax:'<length>';inherits:false;initial-value:0px}[k=\"l\" i],[m|n^=o]{p:U+26}/*# sourceMappingURL=q.map */é\u2028{r:#s;t:-.5E-3u;v:1e999}\x00{w:\\}\x00}"

// A sheet that ends anywhere is a sheet, or a fault with its place.
func TestSheetThatEndsAnywhereIsReadOrAFault(t *testing.T) {
	for end := range len(dense) + 1 {
		for _, minify := range []bool{false, true} {
			answer, err := New().Rewrite(t.Context(), &csspb.RewriteRequest{Path: "a.css", Css: dense[:end], Urls: map[string]string{"/k'l.png": "/k.1.png"}, Base: "/a.css", Minify: minify})
			if err == nil {
				require.NotNil(t, answer)
				continue
			}
			require.Equal(t, codes.InvalidArgument, status.Code(err), "%q: %v", dense[:end], err)
			for _, p := range diagnostic.Of(err) {
				require.Positive(t, p.Line, "%q: %v", dense[:end], err)
				require.Positive(t, p.Col, "%q: %v", dense[:end], err)
			}
		}
	}
	_, err := New().Rewrite(t.Context(), &csspb.RewriteRequest{Path: "a.css", Css: strings.TrimSuffix(dense, "\x00{w:\\}\x00}"), Minify: true})
	require.NoError(t, err)
}
