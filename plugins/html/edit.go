package html

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// Edit does to a page what ReplaceInline does and then Rewrite, in one pass: no
// place that one of them edits is one of the other's. What the requests say of
// a page is not looked at, and either may be nil, which edits nothing. The
// error is a status.
func Edit(source string, texts *htmlpb.ReplaceInlineRequest, addresses *htmlpb.RewriteRequest) (string, error) {
	if texts == nil && addresses == nil {
		return source, nil
	}
	base, err := parseBase(addresses.GetBase())
	if err != nil {
		return "", err
	}
	p := &markup.Page{Source: source}
	inline := newReplacer(p, texts)
	if addresses == nil {
		addresses = &htmlpb.RewriteRequest{}
	}
	outward := rewriter{RewriteRequest: addresses, page: p, base: base}
	p.Walk(func(t markup.Token) {
		inline.token(t)
		outward.token(t)
	})
	outward.end()
	if err := inline.check(); err != nil {
		return "", status.Errorf(codes.InvalidArgument, "replace inline: %v", err)
	}
	return p.Edited(), nil
}
