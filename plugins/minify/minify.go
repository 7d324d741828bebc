// Package minify makes pages smaller without changing what a reader sees or a
// script finds.
//
// Only a style sheet knows whether a reader sees a space: white-space, display
// and selectors can be anything, and come from another file. So only what no
// style sheet can make visible is left out: comments, space inside tags and
// between the elements of the head, quotes that HTML does not need, entities of
// characters that need none, and comments and space in scripts and JSON. The
// tree that a browser makes stays the same. This is checked for every page, and
// a page that fails the check stays as it is.
//
// These stay: all space in texts, style attributes, event handlers, <style>
// (the css plugin minifies it before), conditional comments, and {{ }}. A
// script that cannot be parsed stays as written: browsers may know newer syntax
// than we do. In other scripts all names and statements stay.
//
// The check compares tokens, and where that does not decide it, trees.
//
// The same call makes the last edits of a page first: new addresses, and new
// texts for its inline styles and scripts. Package html makes those edits.
package minify

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"ddc/plugins/html"
	"ddc/plugins/minify/minifypb"
)

// Service answers the calls of the minify plugin. It holds no state.
type Service struct {
	minifypb.UnimplementedMinifyServer
}

var _ minifypb.MinifyServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { minifypb.RegisterMinifyServer(r, s) }

// Html edits and minifies one page. A page so crosses to a plugin once, however
// much is done to it.
func (s *Service) Html(ctx context.Context, req *minifypb.HtmlRequest) (*minifypb.HtmlResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	edited, err := html.Edit(req.GetHtml(), req.GetTexts(), req.GetAddresses())
	if err != nil {
		return nil, err
	}
	return &minifypb.HtmlResponse{Html: page(edited)}, nil
}
