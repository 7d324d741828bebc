// Package markdown reads the front matter of a page and renders its Markdown to
// HTML.
//
// Markdown is CommonMark with tables, footnotes, strikethrough, task lists,
// bare addresses, definition lists, alerts and heading attributes, parsed by
// goldmark; raw HTML passes through. Front matter is TOML between lines of +++
// or YAML between lines of ---.
//
// The caller finishes the page. Code blocks become comments, to be replaced by
// highlighted code. Links to files that do not exist are reported; the caller
// decides whether that is an error. A page of 10 KB costs about half a
// millisecond.
package markdown

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/plugins/markdown/markdownpb"
)

// Service answers the calls of the markdown plugin. It holds no state.
type Service struct {
	markdownpb.UnimplementedMarkdownServer
}

var _ markdownpb.MarkdownServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { markdownpb.RegisterMarkdownServer(r, s) }

// ParseFrontMatter splits a page's source. A page without front matter is all
// body.
func (s *Service) ParseFrontMatter(ctx context.Context, req *markdownpb.ParseFrontMatterRequest) (*markdownpb.ParseFrontMatterResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	page, err := parseFrontMatter(req.GetSource())
	if err != nil {
		return nil, pageError(req.GetPath(), err)
	}
	return page, nil
}

// Render turns a body into HTML. Links that lead to no page come back as
// BrokenLinks, each with the nearest path below the content folder as a
// suggestion.
func (s *Service) Render(ctx context.Context, req *markdownpb.RenderRequest) (*markdownpb.RenderResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	page, err := render(req)
	if err != nil {
		return nil, pageError(req.GetPath(), err)
	}
	return page, nil
}

// Shortcodes finds the calls of shortcodes in a body. A call of a known one
// that is not well written is the page's fault.
func (s *Service) Shortcodes(ctx context.Context, req *markdownpb.ShortcodesRequest) (*markdownpb.ShortcodesResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	found, err := shortcodes(req)
	if err != nil {
		return nil, pageError(req.GetPath(), err)
	}
	return found, nil
}

// pageError makes an error the page's fault if it is a *diagnostic.Problem, and
// otherwise this plugin's.
func pageError(path string, err error) error {
	if faults := diagnostic.Of(err); faults != nil {
		return diagnostic.Refuse(path, faults...)
	}
	return status.Errorf(codes.Internal, "%s: %v", path, err)
}
