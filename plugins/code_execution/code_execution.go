// Package code_execution runs the code samples of a site, so that a
// documentation with broken examples does not build.
//
// Extract finds the samples; Execute runs one with its language's command. For
// Rust the command is cargo. A sample becomes a project of its own, wrapped in
// a main function if it has none. Its code keeps the line numbers that it has
// in the Markdown file, so that the compiler's message names the page and the
// line. Commands of other languages get a file as their last argument.
//
// A sample is a program of the site's author and is trusted as such; still,
// nothing of it is left running. Each sample has a warden (package enclosure),
// which ends everything that the sample started when the sample ends, its time
// is over, the call is cancelled, or this process dies.
//
// A cargo run takes about a second. A sample that ran well is not run again
// while it, its language's settings and the tool's version stay the same.
package code_execution

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/internal/enclosure"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// Service answers the calls of the code_execution plugin.
type Service struct {
	pb.UnimplementedCodeExecutionServer
	wardens  func() (*enclosure.Starter, error)
	versions versions
	// cargo lets one sample through at a time. Cargo would lock the others out
	// of the shared target folder anyway, and their waiting would count as
	// their time. others lets through as many samples as there are processors.
	cargo, others *semaphore.Weighted
}

var _ pb.CodeExecutionServer = (*Service)(nil)

// New makes the service; it starts nothing.
func New() *Service {
	return &Service{wardens: sync.OnceValues(wardens), versions: versions{asking: semaphore.NewWeighted(1), known: map[string]installed{}},
		cargo: semaphore.NewWeighted(1), others: semaphore.NewWeighted(int64(runtime.NumCPU()))}
}

// wardens are started by the host if it gave us a way to ask for them, or else
// by this process.
func wardens() (*enclosure.Starter, error) {
	if free() {
		return enclosure.Free(), nil
	}
	return enclosure.Inherited()
}

// Close ends what the first sample started.
func (s *Service) Close() error {
	starter, err := s.wardens()
	if err != nil {
		return nil // it was said with the call
	}
	return starter.Close()
}

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { pb.RegisterCodeExecutionServer(r, s) }

// Extract lists the fenced code blocks of a page, and skips its front matter.
func (s *Service) Extract(ctx context.Context, req *pb.ExtractRequest) (*pb.ExtractResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	return &pb.ExtractResponse{Samples: extract(req.GetSourcePath(), req.GetContent())}, nil
}

// Execute runs one sample. Whatever the sample does is a result; an error means
// that it could not be run.
func (s *Service) Execute(ctx context.Context, req *pb.ExecuteRequest) (*pb.ExecuteResponse, error) {
	if req.GetSample() == nil || req.GetLanguage().GetCommand() == "" {
		return nil, refuse(req.GetSample(), fmt.Sprintf("no command is configured for language %q", req.GetSample().GetLanguage()))
	}
	if !req.GetSample().GetExecutable() {
		return &pb.ExecuteResponse{Outcome: pb.ExecuteResponse_OUTCOME_SKIPPED}, nil
	}
	response, err := s.execute(ctx, req)
	switch {
	case err == nil:
		return response, nil
	case ctx.Err() != nil:
		return nil, status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, errLeadsOut):
		return nil, refuse(req.GetSample(), err.Error())
	}
	if _, ok := status.FromError(err); ok {
		return nil, err
	}
	return nil, status.Errorf(codes.Internal, "%s:%d: run code sample: %v", req.GetSample().GetSourcePath(), req.GetSample().GetLine(), err)
}

// refuse is the error of a sample that cannot be run as it is.
func refuse(sample *pb.Sample, message string) error {
	return diagnostic.Refuse(sample.GetSourcePath(), diagnostic.Problem{Line: int(sample.GetLine()), Message: message})
}
