package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"ddc/internal/subject"
)

// method is a unary method of a plugin that a worker runs.
type method struct {
	plugin          Served
	request, answer protoreflect.MessageType
}

// methodOf finds the messages of a method by its full name, /SERVICE/METHOD.
func methodOf(full string, p Served) (*method, error) {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(full, "/"), "/", "."))
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil, fmt.Errorf("find method %s: %w", full, err)
	}
	described, ok := found.(protoreflect.MethodDescriptor)
	if !ok || described.IsStreamingClient() || described.IsStreamingServer() {
		return nil, fmt.Errorf("%s is no unary method", full)
	}
	m := &method{plugin: p}
	var errs [2]error
	m.request, errs[0] = protoregistry.GlobalTypes.FindMessageByName(described.Input().FullName())
	m.answer, errs[1] = protoregistry.GlobalTypes.FindMessageByName(described.Output().FullName())
	return m, errors.Join(errs[:]...)
}

// forward answers a call of a plugin. A call that waits for its turn has not
// been read yet.
func (s *Server) forward(_ any, stream grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(stream)
	m := s.methods[full]
	if m == nil {
		return status.Errorf(codes.Unimplemented, "this worker runs %s, and none of them has %s", strings.Join(s.names(), ", "), full)
	}
	ctx := stream.Context()
	if err := s.fits(ctx, m.plugin); err != nil {
		stream.SetTrailer(metadata.Pairs(pushback, "-1"))
		return err
	}
	if err := s.jobs.Acquire(ctx, 1); err != nil {
		return status.FromContextError(err).Err()
	}
	defer s.jobs.Release(1)
	request, answer := m.request.New().Interface(), m.answer.New().Interface()
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	if err := s.call(ctx, m.plugin, full, request, answer); err != nil {
		// The plugin has answered so, or was lost as often as it is started
		// again: other workers would have no more luck.
		stream.SetTrailer(metadata.Pairs(pushback, "-1"))
		return err
	}
	return stream.SendMsg(answer)
}

// maxSubject is how long the name of what a call works on may be, in bytes.
const maxSubject = 1024

func (s *Server) call(ctx context.Context, p Served, full string, request, answer any) error {
	said, _ := metadata.FromIncomingContext(ctx)
	about := ""
	if given := said.Get(subjectKey); len(given) > 0 && len(given[0]) <= maxSubject {
		about = given[0]
	}
	log := s.options.Logger.With("plugin", p.Name, "method", full, "subject", about)
	log.Debug("call begins")
	begun := time.Now()
	err := p.Conn.Invoke(subject.With(ctx, about), full, request, answer)
	log.Debug("call ends", "took", time.Since(begun).Round(time.Microsecond), "code", status.Code(err).String())
	return err
}

func (s *Server) names() []string {
	var names []string
	for _, p := range s.options.Plugins {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// fits says whether a caller expects what this worker is.
func (s *Server) fits(ctx context.Context, p Served) error {
	said, _ := metadata.FromIncomingContext(ctx)
	if program := said.Get(programKey); !slices.Equal(program, []string{s.options.Identity.Program}) {
		return status.Errorf(codes.Aborted, "this worker is %s, of another build than its caller: start workers and builds from the same program", s.options.Identity.Version)
	}
	if tools := said.Get(toolsKey); !slices.Equal(tools, []string{p.Tools}) {
		return status.Errorf(codes.Aborted, "the programs that %s drives are others on this worker than on the one that was asked first: install the same versions on all", p.Name)
	}
	return nil
}
