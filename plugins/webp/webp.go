// Package webp decodes and encodes WebP.
//
// The encoder is libwebp as WebAssembly (gen2brain/webp on wazero). The first
// call compiles it, which takes 0.2 s. A picture of 1920 x 1280 then needs some
// 0.8 s and 100 MB. Package longcall keeps it from starving the process. The
// decoder is golang.org/x/image/webp's, plain Go, with a colour conversion of
// our own: existing ones take WebP's limited range of luma (16 to 235) for the
// full one, and their pictures come out grey.
package webp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"

	wasm "github.com/gen2brain/webp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/internal/icc"
	"ddc/internal/longcall"
	"ddc/plugins/webp/webppb"
)

const (
	// maxSide is the largest side that the format can express.
	maxSide = 16383
	// maxPixels keeps the encoder, which takes 10 bytes a pixel and as much
	// again while it grows, below 1 GB.
	maxPixels = 50_000_000
	// method trades time (0) for size (6); 4 is libwebp's default.
	method = 4
)

// errTooLarge is wrapped by the errors of pictures of more than maxPixels.
var errTooLarge = errors.New("is too large")

// Service answers the calls of the webp plugin.
type Service struct {
	webppb.UnimplementedWebpServer
	limiter *longcall.Limiter
}

var _ webppb.WebpServer = (*Service)(nil)

// New makes the service; the encoder is loaded at the first call of Encode.
func New() *Service { return &Service{limiter: longcall.New()} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { webppb.RegisterWebpServer(r, s) }

// Close waits for encoders whose callers have gone.
func (s *Service) Close() error {
	s.limiter.Close()
	return nil
}

// Decode reads a WebP file, or the first frame of an animation.
func (s *Service) Decode(ctx context.Context, req *webppb.DecodeRequest) (*webppb.Pixels, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	picture, err := decode(req.GetData())
	if err == nil {
		err = toSRGB(picture, req.GetData())
	}
	if errors.Is(err, icc.ErrUnsupported) || errors.Is(err, errTooLarge) {
		return &webppb.Pixels{Kept: err.Error()}, nil
	}
	if err != nil {
		return nil, diagnostic.Refuse(req.GetPath(), diagnostic.Problem{Message: "cannot decode WebP: " + err.Error()})
	}
	return &webppb.Pixels{Rgba: picture.Pix, Width: int32(picture.Rect.Dx()), Height: int32(picture.Rect.Dy())}, nil
}

// Encode writes a lossy WebP file. The same pixels and quality give the same
// bytes, on every machine.
func (s *Service) Encode(ctx context.Context, req *webppb.EncodeRequest) (*webppb.EncodeResponse, error) {
	picture, err := checked(req)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "cannot encode WebP: %v", err)
	}
	if wasm.Dynamic() == nil {
		return nil, status.Error(codes.FailedPrecondition, "cannot encode WebP: this binary would use the system's libwebp, whose output differs from machine to machine: build it with -tags nodynamic")
	}
	var file bytes.Buffer
	err = s.limiter.Do(ctx, func() error {
		return wasm.Encode(&file, picture, wasm.Options{Quality: int(req.GetQuality()), Method: method})
	})
	switch {
	case err == nil:
		return &webppb.EncodeResponse{Data: file.Bytes()}, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, status.FromContextError(err).Err()
	default:
		return nil, status.Errorf(codes.Internal, "encoding %d x %d pixels as WebP: %v", picture.Rect.Dx(), picture.Rect.Dy(), err)
	}
}

// checked views a request's pixels as an image, if they are one.
func checked(req *webppb.EncodeRequest) (*image.NRGBA, error) {
	p := req.GetPixels()
	width, height := int(p.GetWidth()), int(p.GetHeight())
	if err := checkSize(width, height); err != nil {
		return nil, err
	}
	if want := width * height * 4; len(p.GetRgba()) != want {
		return nil, fmt.Errorf("%d x %d pixels need %d bytes of RGBA, got %d", width, height, want, len(p.GetRgba()))
	}
	if q := req.GetQuality(); q < 1 || q > 100 {
		return nil, fmt.Errorf("quality %d is not between 1 and 100", q)
	}
	return &image.NRGBA{Pix: p.GetRgba(), Stride: width * 4, Rect: image.Rect(0, 0, width, height)}, nil
}

func checkSize(width, height int) error {
	switch {
	case width <= 0 || height <= 0:
		return fmt.Errorf("a picture of %d x %d pixels has no area", width, height)
	case width > maxSide || height > maxSide:
		return fmt.Errorf("%d x %d pixels: WebP has no more than %d a side: scale the picture down", width, height, maxSide)
	case width*height > maxPixels:
		return fmt.Errorf("%w: %d x %d pixels are more than the %d megapixels allowed", errTooLarge, width, height, maxPixels/1_000_000)
	}
	return nil
}
