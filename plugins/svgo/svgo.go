// Package svgo makes SVG files smaller. The drawing stays the same.
//
// Comments, metadata, the private data of drawing programs and the whitespace
// between elements are removed. Numbers, colours, paths and style sheets get
// shorter. Everything that something else may refer to stays: ids, classes,
// viewBox, titles, namespaces in use, whitespace inside text. A path is
// replaced only if the shorter one, parsed again, draws the same segments. A
// file with a script, or a style sheet that depends on attributes or
// neighbours, loses only whitespace and comments.
//
// Numbers, colours and style sheets are shortened by tdewolff/minify. Its own
// SVG minifier is not used: it trims the text of <tspan>s and drops xml:space
// and style sheet instructions, which changes the drawing. A logo of 1.4 KB
// takes 0.1 ms.
package svgo

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/plugins/svgo/svgopb"
)

// Service answers the calls of the svgo plugin. It holds no state.
type Service struct {
	svgopb.UnimplementedSvgoServer
}

var _ svgopb.SvgoServer = (*Service)(nil)

// New makes the service.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { svgopb.RegisterSvgoServer(r, s) }

// Optimise makes one drawing smaller. A drawing that is no well-formed XML, or
// whose root is no <svg>, is refused with the place.
func (s *Service) Optimise(ctx context.Context, req *svgopb.OptimiseRequest) (*svgopb.OptimiseResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	root, err := parse(req.GetSvg())
	if err != nil {
		if faults := diagnostic.Of(err); faults != nil {
			return nil, diagnostic.Refuse(req.GetPath(), faults...)
		}
		return nil, status.Errorf(codes.Internal, "%s: read SVG: %v", req.GetPath(), err)
	}
	small := write(optimise(root))
	if len(small) > len(req.GetSvg()) {
		small = req.GetSvg()
	}
	return &svgopb.OptimiseResponse{Svg: small}, nil
}
