// Package html reads and rewrites whole pages.
//
// A page is not parsed into a tree and printed again. It is tokenized, each
// change is an edit of a range of its bytes, and all else stays as it was
// written (doctype, entities, quotes, broken nesting). So a page without
// changes stays the same byte for byte, and the position of everything in the
// source is known.
//
// A call costs one pass over the page, some 5 ms for a megabyte.
package html

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// Service answers the calls of the html plugin. It holds no state.
type Service struct {
	htmlpb.UnimplementedHtmlServer
}

var _ htmlpb.HtmlServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { htmlpb.RegisterHtmlServer(r, s) }

// Rewrite replaces URLs, and turns each <img> that has a picture into a
// <picture>. A URL is looked up as written, then resolved against base, then
// without its query and fragment, which the new URL keeps. Any other reference
// to a picture (a link, an icon, a preview) gets the picture's fallback, or its
// original where a type says so or no browser reads it.
func (s *Service) Rewrite(ctx context.Context, req *htmlpb.RewriteRequest) (*htmlpb.RewriteResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	base, err := parseBase(req.GetBase())
	if err != nil {
		return nil, err
	}
	r := rewriter{RewriteRequest: req, page: &markup.Page{Source: req.GetHtml()}, base: base}
	return &htmlpb.RewriteResponse{Html: r.rewrite()}, nil
}

// ReplaceInline replaces a page's inline styles, scripts and style attributes
// by new texts, in the order in which Inspect lists them. An empty list leaves
// its kind as it is. A list of the wrong length is refused.
func (s *Service) ReplaceInline(ctx context.Context, req *htmlpb.ReplaceInlineRequest) (*htmlpb.ReplaceInlineResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	replaced, err := replaceInline(req)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "replace inline: %v", err)
	}
	return &htmlpb.ReplaceInlineResponse{Html: replaced}, nil
}

// Inspect lists what a page refers to and what it holds, in document order.
func (s *Service) Inspect(ctx context.Context, req *htmlpb.InspectRequest) (*htmlpb.InspectResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	return inspect(req.GetHtml()), nil
}

// MarkDeadLinks adds a data-dead attribute to links to internal pages that are
// not among the known routes. Its value is the path that was not found.
func (s *Service) MarkDeadLinks(ctx context.Context, req *htmlpb.MarkDeadLinksRequest) (*htmlpb.MarkDeadLinksResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	base, err := parseBase(req.GetBase())
	if err != nil {
		return nil, err
	}
	marked, dead := markDeadLinks(req.GetHtml(), base, req.GetKnownRoutes())
	return &htmlpb.MarkDeadLinksResponse{Html: marked, Dead: dead}, nil
}

// InjectBuildInfo adds a button to each <pre> whose code is among the samples,
// and once per page what the buttons need. Code is compared line by line. Blank
// lines and the space around a line don't count.
func (s *Service) InjectBuildInfo(ctx context.Context, req *htmlpb.InjectBuildInfoRequest) (*htmlpb.InjectBuildInfoResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	injected, count, err := injectBuildInfo(req.GetHtml(), req.GetSamples())
	if err != nil {
		return nil, status.Errorf(codes.Internal, "inject build information: %v", err)
	}
	return &htmlpb.InjectBuildInfoResponse{Html: injected, Injected: int32(count)}, nil
}
