// Package js points the string literals of scripts at the renamed files of a
// site.
//
// Every asset path in a script's strings and in the text of its templates is
// replaced, import specifiers included. All other bytes stay as they are:
// comments, regular expressions, quotes and layout. A parser (tdewolff/parse)
// says where the regular expressions are; in a script that it refuses, a lexer
// guesses. A syntax error is told with its place if esbuild finds one too.
//
// A path counts if it stands by itself, even inside a longer string
// ("url(/a.png)"), but not as a part of another path ("/lib/a.png",
// "/a.png.map", "https://x.org/a.png"). Names that count from the script itself
// (import "./lib.js", new URL("x.png", import.meta.url), importScripts("x.js"))
// are resolved against base, since the renamed file would not be found
// otherwise. The cost is some 200 ns a byte (BenchmarkRewrite on a busy
// machine), most of it the parser's.
package js

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugins/js/jspb"
)

// Service answers the calls of the js plugin. It holds no state.
type Service struct {
	jspb.UnimplementedJsServer
}

var _ jspb.JsServer = (*Service)(nil)

// New makes the service; it loads nothing.
func New() *Service { return &Service{} }

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { jspb.RegisterJsServer(r, s) }

// Rewrite replaces the asset paths in a script's strings, and lists the names
// relative to the script that the map does not know.
func (s *Service) Rewrite(ctx context.Context, req *jspb.RewriteRequest) (*jspb.RewriteResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	made, err := rewrite(req.GetJs(), req.GetUrls(), req.GetBase(), req.GetPrefix())
	if err != nil {
		return nil, status.Errorf(codes.Internal, "%s: %v", req.GetPath(), err)
	}
	answer := &jspb.RewriteResponse{Js: made.script, Unknown: made.unknown}
	if f := made.fault; f != nil {
		answer.Fault = &jspb.Fault{Message: f.Message, Line: int32(f.Line), Column: int32(f.Col), Length: int32(f.Length)}
	}
	return answer, nil
}
