// Package image decodes PNG, JPEG and GIF, resizes pictures, encodes PNG and
// JPEG, and makes the blurred placeholders that stand in for pictures.
//
// Decoders and encoders are the standard library's, the resampling is
// golang.org/x/image/draw's, and the placeholders are go-thumbhash's. A picture
// in memory takes 4 bytes a pixel. Resizing takes another 32 bytes for each
// pixel of (new width x old height). So a photograph of 24 megapixels costs
// some 350 MB while a call lasts.
package image

import (
	"context"
	"image"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/plugins/image/imagepb"
)

// maxPixels bounds what a few header bytes can make the process allocate: 100
// megapixels are 400 MB.
const maxPixels = 100_000_000

// Service answers the calls of the image plugin. It holds no state.
type Service struct {
	imagepb.UnimplementedImageServer
}

var _ imagepb.ImageServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { imagepb.RegisterImageServer(r, s) }

// Decode reads a PNG, a JPEG (both turned upright as their EXIF orientation
// says, and with their colours brought to sRGB) or the first frame of a GIF.
func (s *Service) Decode(ctx context.Context, req *imagepb.DecodeRequest) (*imagepb.Pixels, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	picture, err := decode(req.GetData())
	if err != nil && isOutOfReach(err) {
		return &imagepb.Pixels{Kept: err.Error()}, nil
	}
	if err != nil {
		return nil, diagnostic.Refuse(req.GetPath(), diagnostic.Problem{Message: err.Error()})
	}
	return toMessage(picture), nil
}

// Resize scales a picture, or a part of it, to a width and a height. Without a
// height it keeps the ratio; a height is never less than one pixel.
func (s *Service) Resize(ctx context.Context, req *imagepb.ResizeRequest) (*imagepb.Pixels, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	picture, err := fromMessage(req.GetPixels())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "resize: %v", err)
	}
	part := picture.Rect
	if p := req.GetPart(); p != nil {
		part = image.Rect(int(p.X), int(p.Y), int(p.X)+int(p.Width), int(p.Y)+int(p.Height))
		if part.Empty() || p.Width < 0 || p.Height < 0 || !part.In(picture.Rect) {
			return nil, status.Errorf(codes.InvalidArgument, "resize: %v is no part of a picture of %v", part, picture.Rect.Size())
		}
	}
	resized, err := resize(picture, part, int(req.GetWidth()), int(req.GetHeight()))
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "resize: %v", err)
	}
	return toMessage(resized), nil
}

// Encode writes a picture as a file. The same pixels give the same bytes.
func (s *Service) Encode(ctx context.Context, req *imagepb.EncodeRequest) (*imagepb.EncodeResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	picture, err := fromMessage(req.GetPixels())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "encode: %v", err)
	}
	data, err := encode(picture, req.GetFormat(), int(req.GetQuality()))
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "encode: %v", err)
	}
	return &imagepb.EncodeResponse{Data: data}, nil
}

// Measure reads a picture's header, and turns its sides if its EXIF orientation
// does.
func (s *Service) Measure(ctx context.Context, req *imagepb.MeasureRequest) (*imagepb.MeasureResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	measured, err := measure(req.GetData())
	if err != nil {
		return nil, diagnostic.Refuse(req.GetPath(), diagnostic.Problem{Message: err.Error()})
	}
	return measured, nil
}

// Thumbhash makes the data URL of a blurred picture of at most 32 pixels a
// side.
func (s *Service) Thumbhash(ctx context.Context, req *imagepb.ThumbhashRequest) (*imagepb.ThumbhashResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	picture, err := fromMessage(req.GetPixels())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "thumbhash: %v", err)
	}
	url, err := placeholder(picture)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "thumbhash: %v", err)
	}
	return &imagepb.ThumbhashResponse{DataUrl: url}, nil
}
