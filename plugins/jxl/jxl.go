// Package jxl decodes and encodes JPEG XL by running libjxl's cjxl and djxl,
// one process a call.
//
// The alternative is libjxl as WebAssembly inside this process
// (gen2brain/jpegxl). For the site's photograph of 1920 x 1280 at quality 80
// and effort 5, on the same busy machine:
//
//	              time         memory     file
//	cjxl          0.4 to 0.7 s   122 MB   155,205 bytes
//	WebAssembly   3.8 to 5.2 s  1046 MB   165,884 bytes
//
// A process can also be killed when its caller goes; a call into WebAssembly
// cannot. Effort 5 is where this encoder is at its best: 3 gives 165,903 bytes
// in 0.16 s, 7 (its default) 157,856 bytes in 1 s.
//
// The same pixels give the same bytes from the same libjxl on the same kind of
// processor. It uses no threads here, but it computes in floating point with
// the vector instructions that the processor has.
package jxl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/internal/icc"
	"ddc/internal/tool"
	"ddc/plugins/jxl/jxlpb"
)

// maxPixels bounds one picture, and all pictures in work together: cjxl takes
// 57 bytes a pixel, so at most 1.4 GB.
const maxPixels = 24_000_000

// errTooLarge is wrapped by the errors of pictures of more than maxPixels.
var errTooLarge = errors.New("is too large")

// Service answers the calls of the jxl plugin.
type Service struct {
	jxlpb.UnimplementedJxlServer
	pixels *semaphore.Weighted // those that programs may work on at once
}

var _ jxlpb.JxlServer = (*Service)(nil)

// New makes the service; it looks for the programs at the first call.
func New() *Service { return &Service{pixels: semaphore.NewWeighted(maxPixels)} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { jxlpb.RegisterJxlServer(r, s) }

// Decode reads a JPEG XL file, or the first frame of an animation.
func (s *Service) Decode(ctx context.Context, req *jxlpb.DecodeRequest) (*jxlpb.Pixels, error) {
	width, height, err := size(req.GetData())
	if err == nil {
		err = checkSize(width, height)
	}
	if errors.Is(err, errTooLarge) {
		return kept(width, height, err), nil
	}
	if err != nil {
		return nil, diagnostic.Refuse(req.GetPath(), diagnostic.Problem{Message: "cannot decode JPEG XL: " + err.Error()})
	}
	if err := s.pixels.Acquire(ctx, int64(width)*int64(height)); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	defer s.pixels.Release(int64(width) * int64(height))
	picture, animated, err := decode(ctx, req.GetData())
	var failure *tool.Failure
	switch {
	case err == nil:
		return &jxlpb.Pixels{Rgba: picture.Pix, Width: int32(picture.Rect.Dx()), Height: int32(picture.Rect.Dy()), Animated: animated}, nil
	case errors.Is(err, icc.ErrUnsupported):
		return kept(width, height, err), nil
	case errors.As(err, &failure):
		return nil, diagnostic.Refuse(req.GetPath(), diagnostic.Problem{Message: "cannot decode JPEG XL: " + failure.Error()})
	}
	return nil, status.Errorf(tool.Code(err), "%s: cannot decode JPEG XL: %v", req.GetPath(), err)
}

// kept is the answer for a file that is better left as it is. Its sides are cut
// to what a message holds: the longer one may have 31 bits, and be either.
func kept(width, height int, why error) *jxlpb.Pixels {
	return &jxlpb.Pixels{Width: int32(min(width, math.MaxInt32)), Height: int32(min(height, math.MaxInt32)), Kept: why.Error()}
}

// Encode writes a lossy JPEG XL file; quality 100 is lossless.
func (s *Service) Encode(ctx context.Context, req *jxlpb.EncodeRequest) (*jxlpb.EncodeResponse, error) {
	if err := check(req); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "cannot encode JPEG XL: %v", err)
	}
	pixels := req.GetPixels()
	weight := int64(pixels.GetWidth()) * int64(pixels.GetHeight())
	if err := s.pixels.Acquire(ctx, weight); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	defer s.pixels.Release(weight)
	data, err := tool.Command{
		Program: cjxl,
		Args:    []string{"/dev/stdin", "/dev/stdout", "--quiet", "--num_threads=0", "--effort=5", fmt.Sprintf("--quality=%d", req.GetQuality())},
		Input:   netpbm(pixels),
	}.Run(ctx)
	if err != nil {
		return nil, status.Errorf(tool.Code(err), "encoding %d x %d pixels as JPEG XL: %v", pixels.GetWidth(), pixels.GetHeight(), err)
	}
	return &jxlpb.EncodeResponse{Data: data}, nil
}

func check(req *jxlpb.EncodeRequest) error {
	p := req.GetPixels()
	width, height := int(p.GetWidth()), int(p.GetHeight())
	if err := checkSize(width, height); err != nil {
		return err
	}
	if want := width * height * 4; len(p.GetRgba()) != want {
		return fmt.Errorf("%d x %d pixels need %d bytes of RGBA, got %d", width, height, want, len(p.GetRgba()))
	}
	if q := req.GetQuality(); q < 1 || q > 100 {
		return fmt.Errorf("quality %d is not between 1 and 100", q)
	}
	return nil
}

func checkSize(width, height int) error {
	if width <= 0 || height <= 0 {
		return fmt.Errorf("a picture of %d x %d pixels has no area", width, height)
	}
	if int64(width)*int64(height) > maxPixels {
		return fmt.Errorf("%w: %d x %d pixels are more than the %d megapixels allowed", errTooLarge, width, height, maxPixels/1_000_000)
	}
	return nil
}

// netpbm writes a picture in the format that cjxl reads fastest: PAM, or PPM if
// it is opaque. PPM saves an empty alpha channel and a third of the time.
func netpbm(p *jxlpb.Pixels) []byte {
	var file bytes.Buffer
	rgba := p.GetRgba()
	if !opaque(rgba) {
		file.Grow(len(rgba) + 100)
		fmt.Fprintf(&file, "P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n", p.GetWidth(), p.GetHeight())
		file.Write(rgba)
		return file.Bytes()
	}
	file.Grow(len(rgba)/4*3 + 100)
	fmt.Fprintf(&file, "P6\n%d %d\n255\n", p.GetWidth(), p.GetHeight())
	data := file.Bytes()
	for i := 0; i < len(rgba); i += 4 {
		data = append(data, rgba[i:i+3]...)
	}
	return data
}

func opaque(rgba []byte) bool {
	for i := 3; i < len(rgba); i += 4 {
		if rgba[i] != 255 {
			return false
		}
	}
	return true
}
