// Package pagefind builds a site's search index with Pagefind.
//
// Each call starts Pagefind's service, hands it each page as it comes, and
// takes the files out of its memory. Nothing is written to disk. The 23 pages
// of the documentation site take some 0.1 s and become 37 files of 0.7 MB, most
// of it the search program that runs in the browser. Pagefind's process holds
// the words of all pages; this process holds a few pages, and at the end the
// files.
//
// The same pages give the same bytes: they come sorted, and Pagefind names
// files by the hash of their content.
package pagefind

import (
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/tool"
	"ddc/plugins/pagefind/pagefindpb"
)

// Service answers the calls of the pagefind plugin. It holds no state.
type Service struct {
	pagefindpb.UnimplementedPagefindServer
}

var _ pagefindpb.PagefindServer = (*Service)(nil)

// New makes the service; each call starts a process of its own.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { pagefindpb.RegisterPagefindServer(r, s) }

// BuildIndex builds the search index of pages, as files below "pagefind/". The
// pages come one after the other, sorted by URL.
func (s *Service) BuildIndex(pages grpc.ClientStreamingServer[pagefindpb.Page, pagefindpb.BuildIndexResponse]) error {
	var count int
	var last string
	files, err := build(pages.Context(), func() (*pagefindpb.Page, error) {
		page, err := pages.Recv()
		if err != nil {
			return nil, err
		}
		switch url := page.GetUrl(); {
		case count > 0 && url == last:
			return nil, status.Errorf(codes.InvalidArgument, "%s: two pages have this URL, and a search can lead to one only", url)
		case count > 0 && url < last:
			return nil, status.Errorf(codes.InvalidArgument, "%s comes after %s: pages are to be sent in the order of their URLs", url, last)
		}
		count, last = count+1, page.GetUrl()
		return page, nil
	})
	var refused *refusal
	switch _, isStatus := status.FromError(err); {
	case err == nil:
		return pages.SendAndClose(&pagefindpb.BuildIndexResponse{Files: files})
	case errors.As(err, &refused):
		return status.Error(codes.InvalidArgument, refused.Error())
	case isStatus:
		return err
	}
	return status.Errorf(tool.Code(err), "building the search index of %d pages: %v", count, err)
}
