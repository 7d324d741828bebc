// Package syntax_highlight colours source code for HTML, by chroma's lexers and
// with chroma's short class names.
//
// Some 290 languages are known. The first piece of code in a language takes 10
// to 80 ms, since the patterns are compiled; later ones run at some 0.2 MB a
// second. Linking chroma's lexers costs every process of the binary 5 to 8 ms
// at its start, whichever plugin it is: a package variable builds their
// registry, and the lexers' files cannot be reached without it. Chroma's styles
// would cost another 5 ms, so they are not linked: the colours are this
// package's own.
package syntax_highlight

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/chroma/v2/lexers"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "ddc/plugins/syntax_highlight/syntax_highlightpb"
)

// Service answers the calls of the syntax_highlight plugin. It holds no state.
type Service struct {
	pb.UnimplementedSyntaxHighlightServer
	most time.Duration // of a processor's time for one piece of code
}

var _ pb.SyntaxHighlightServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{most: maxWork} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { pb.RegisterSyntaxHighlightServer(r, s) }

// Highlight turns code into HTML whose text is exactly the code. If the
// language is not known, or the lexer fails, it gives the escaped code. If the
// lexer takes too long, the code is at fault.
func (s *Service) Highlight(ctx context.Context, req *pb.HighlightRequest) (*pb.HighlightResponse, error) {
	code := strings.ReplaceAll(req.GetCode(), "\r\n", "\n")
	html, done := "", false
	about := parseInfo(req.GetLanguage())
	lexer := lexerFor(req.GetLanguage())
	if about.language == "mermaid" {
		lexer = nil
	}
	if lexer != nil {
		var err error
		if html, done, err = spans(ctx, lexer, code, s.most); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "%v", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	if !done {
		html = escape(code)
	}
	return &pb.HighlightResponse{Html: html, Highlighted: done, Block: about.block(html), Styled: done || about.decorated()}, nil
}

// Languages lists chroma's names of the languages. Highlight takes each of
// them, and its aliases.
func (s *Service) Languages(ctx context.Context, _ *pb.LanguagesRequest) (*pb.LanguagesResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	names := lexers.Names(false)
	slices.Sort(names)
	return &pb.LanguagesResponse{Languages: slices.Compact(names)}, nil
}

// Stylesheet gives the colours of one theme, or of a light and a dark one.
func (s *Service) Stylesheet(ctx context.Context, req *pb.StylesheetRequest) (*pb.StylesheetResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	css, unknown := stylesheet(req.GetLight(), req.GetDark())
	answer := &pb.StylesheetResponse{Css: css, Unknown: unknown}
	if len(unknown) > 0 {
		answer.Known = themeNames()
	}
	return answer, nil
}
