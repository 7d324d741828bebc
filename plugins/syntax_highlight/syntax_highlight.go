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
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	pb "ddc/plugins/syntax_highlight/syntax_highlightpb"
)

// Service answers the calls of the syntax_highlight plugin. It remembers pieces
// of code that it has coloured: a page that is edited has the same ones as
// before, and many pages of a site show the same commands.
type Service struct {
	pb.UnimplementedSyntaxHighlightServer
	most time.Duration // of a processor's time for the pieces of a call
	seen seen
}

var _ pb.SyntaxHighlightServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{most: maxWork} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { pb.RegisterSyntaxHighlightServer(r, s) }

// Highlight turns pieces of code into HTML whose text is exactly the code. If a
// language is not known, or its lexer fails, that piece is the escaped code. If
// the lexers take too long, the piece at which their time is over is at fault.
func (s *Service) Highlight(ctx context.Context, req *pb.HighlightRequest) (*pb.HighlightResponse, error) {
	answer := &pb.HighlightResponse{Blocks: make([]*pb.Block, 0, len(req.GetCodes()))}
	left := s.most
	for _, c := range req.GetCodes() {
		about := parseInfo(c.GetLanguage())
		html, done, err := s.colour(ctx, c, about, &left)
		if err != nil {
			return nil, err
		}
		answer.Blocks = append(answer.Blocks, &pb.Block{Html: about.block(html), Highlighted: done, Styled: done || about.decorated()})
	}
	return answer, nil
}

// colour makes the spans of one piece, or else the escaped code. It takes what
// the lexer took off the time that is left.
func (s *Service) colour(ctx context.Context, c *pb.Code, about info, left *time.Duration) (html string, done bool, err error) {
	code := strings.ReplaceAll(c.GetCode(), "\r\n", "\n")
	key := piece{c.GetLanguage(), code}
	if html, done, known := s.seen.get(key); known {
		return html, done, nil
	}
	if lexer := lexerFor(c.GetLanguage()); lexer != nil && about.language != "mermaid" {
		if html, done, err = spans(ctx, lexer, code, left); err != nil {
			return "", false, diagnostic.Refuse("", diagnostic.Problem{Line: int(c.GetLine()), Message: err.Error()})
		}
	}
	if err := ctx.Err(); err != nil {
		return "", false, status.FromContextError(err).Err()
	}
	if !done {
		html = escape(code)
	}
	s.seen.put(key, html, done)
	return html, done, nil
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
