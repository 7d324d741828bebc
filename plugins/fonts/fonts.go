// Package fonts cuts fonts down to the characters that a site shows.
//
// Analyse finds those characters: it applies the style sheets to the pages as a
// browser would, and collects the text by font family. If it cannot know (a
// hover, a media query, a class that a script may set, what is typed into a
// search box), it takes all possibilities: a glyph too many costs some bytes,
// but readers see a missing one. The 23 pages of the documentation site take
// some 20 ms.
//
// WOFF is unpacked in Go, WOFF2 by woff2_decompress, since the Go reader
// refuses fonts that browsers show. HarfBuzz's hb-subset cuts, since it keeps
// kerning, ligatures and variable axes. woff2_compress packs, since the Go
// writer makes unreadable files of fonts with composite glyphs. Iosevka-Regular
// goes from 1,494,892 to some 19,000 bytes.
package fonts

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/internal/tool"
	"ddc/plugins/fonts/fontspb"
)

// Service answers the calls of the fonts plugin. It holds no state.
type Service struct {
	fontspb.UnimplementedFontsServer
}

var _ fontspb.FontsServer = (*Service)(nil)

// New makes the service; it looks for the programs when they are needed.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { fontspb.RegisterFontsServer(r, s) }

// Analyse finds the characters that pages show in each font family, and the
// @font-face rules. Pages and sheets that would take too many steps, or too
// much memory, are not looked at any further: the fonts must stay whole.
func (s *Service) Analyse(ctx context.Context, req *fontspb.AnalyseRequest) (*fontspb.AnalyseResponse, error) {
	style := newStyle()
	for i, css := range req.GetCss() {
		style.read(css, i)
	}
	used := usage{}
	for _, page := range req.GetHtml() {
		if err := ctx.Err(); err != nil {
			return nil, status.FromContextError(err).Err()
		}
		if style.collect(page, used); style.spent() || used.letters() > mostLetters {
			return &fontspb.AnalyseResponse{Whole: true, Faces: style.faces}, nil
		}
	}
	characters, all := style.characters(used)
	if !all {
		return &fontspb.AnalyseResponse{Whole: true, Faces: style.faces}, nil
	}
	return &fontspb.AnalyseResponse{Characters: characters, Faces: style.faces, Features: style.asked()}, nil
}

// ExtractCss joins the contents of a page's <style> elements with newlines.
func (s *Service) ExtractCss(_ context.Context, req *fontspb.ExtractCssRequest) (*fontspb.ExtractCssResponse, error) {
	css, err := styleElements(req.GetHtml())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "read a page's HTML: %v", err)
	}
	return &fontspb.ExtractCssResponse{Css: css}, nil
}

// Decompress turns WOFF or WOFF2 into TrueType or OpenType; those come back as
// they are.
func (s *Service) Decompress(ctx context.Context, req *fontspb.DecompressRequest) (*fontspb.FontData, error) {
	data, err := decompress(ctx, req.GetData())
	return reply(req.GetPath(), "unpack", data, err)
}

// Subset keeps the glyphs that the characters need.
func (s *Service) Subset(ctx context.Context, req *fontspb.SubsetRequest) (*fontspb.FontData, error) {
	data, err := subset(ctx, req.GetData(), req.GetCharacters(), req.GetFeatures())
	return reply(req.GetPath(), "subset", data, err)
}

// Compress writes a TrueType or OpenType font as WOFF2.
func (s *Service) Compress(ctx context.Context, req *fontspb.CompressRequest) (*fontspb.FontData, error) {
	data, err := compress(ctx, req.GetData())
	return reply(req.GetPath(), "compress", data, err)
}

// errFont is wrapped by every error that is the font's own fault.
var errFont = errors.New("the font is broken or of a kind that is not supported")

func reply(path, doing string, data []byte, err error) (*fontspb.FontData, error) {
	var failure *tool.Failure
	switch {
	case err == nil:
		return &fontspb.FontData{Data: data}, nil
	case errors.Is(err, errFont), errors.As(err, &failure):
		return nil, diagnostic.Refuse(path, diagnostic.Problem{Message: fmt.Sprintf("cannot %s: %v", doing, err)})
	}
	return nil, status.Errorf(tool.Code(err), "%s: cannot %s: %v", path, doing, err)
}
