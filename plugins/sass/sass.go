// Package sass compiles SCSS with Dart Sass.
//
// The compiler is a process of its own, which speaks the embedded protocol
// (bep/godartsass). It starts at the first call, which takes 15 ms, and stays,
// so that a later call takes half a millisecond. It holds 21 MB. It ends with
// Service.Close, or when its input closes. The one that `make tools` installs
// also ends when this process is killed.
//
// A compilation reads nothing but the files of its request.
package sass

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/bep/godartsass/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/internal/tool"
	"ddc/plugins/sass/sasspb"
)

// entry is the file that is compiled. folder is the folder that errors name it
// in.
const (
	entry  = "main.scss"
	folder = "sass/"
)

// Service answers the calls of the sass plugin.
type Service struct {
	sasspb.UnimplementedSassServer
	// turn holds the compiler, nil until one runs. The call that has taken it
	// out compiles; the others wait.
	turn chan *compiler
}

var _ sasspb.SassServer = (*Service)(nil)

// New makes the service; the compiler starts at the first call.
func New() *Service {
	s := &Service{turn: make(chan *compiler, 1)}
	s.turn <- nil
	return s
}

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { sasspb.RegisterSassServer(r, s) }

// Close ends the compiler. It waits for a call that runs; no call may begin
// after it.
func (s *Service) Close() error {
	if c := <-s.turn; c != nil {
		return c.close()
	}
	return nil
}

// Compile compiles main.scss to CSS in the expanded style.
func (s *Service) Compile(ctx context.Context, req *sasspb.CompileRequest) (*sasspb.CompileResponse, error) {
	_, ok := req.GetFiles()[entry]
	if !ok {
		return nil, refuse(diagnostic.Problem{Message: fmt.Sprintf("there is no such file among the %d given, and compiling begins there", len(req.GetFiles()))})
	}
	files := sources(req.GetFiles())
	inner, most, cancel := bounded(ctx, time.Duration(req.GetMostMs())*time.Millisecond)
	memory := memoryFor(req.GetMostBytes())
	css, err := s.compile(inner, files.args(), memory)
	if err != nil && errors.Is(context.Cause(inner), errTooLong) {
		err = tooLong(most)
	}
	cancel()
	var fault godartsass.SassError
	var without endless
	switch {
	case err == nil:
		return &sasspb.CompileResponse{Css: css}, nil
	case errors.As(err, &fault):
		p := files.locate(fault)
		if strings.HasPrefix(p.Message, "Out of Memory") {
			p.Message = tooLarge(memory).Error()
		}
		return nil, refuse(p)
	case errors.As(err, &without):
		p := whereabouts(ctx, files, memory)
		p.Message = without.Error()
		return nil, refuse(p)
	}
	return nil, status.Errorf(tool.Code(err), "compiling %s%s: %v", folder, entry, err)
}

// refuse is the error of sources with a problem. The problem is in the entry
// unless it names another file.
func refuse(p diagnostic.Problem) error {
	return diagnostic.Refuse(folder+entry, p.In(folder+entry))
}

// compile waits for its turn. A compiler that did not answer is not used again.
// A new one gets a second attempt, since compiling is safe to repeat.
func (s *Service) compile(ctx context.Context, args godartsass.Args, memory int64) (string, error) {
	var c *compiler
	select {
	case c = <-s.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { s.turn <- c }()
	if c != nil && c.memory != memory {
		_ = c.close() // a new one is as good
		c = nil
	}
	for attempt := 1; ; attempt++ {
		if c == nil {
			var err error
			if c, err = start(memory, log); err != nil {
				return "", err
			}
		}
		css, err := c.compile(ctx, args)
		var fault godartsass.SassError
		if err == nil || errors.As(err, &fault) {
			return css, err
		}
		err = errors.Join(err, c.close())
		var exit *exec.ExitError
		var without endless
		if errors.As(err, &exit) {
			without = c.ranOut(exit.ProcessState)
		}
		c = nil
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if errors.As(err, new(endless)) {
			return "", err
		}
		if attempt == 2 && without != "" {
			return "", without
		}
		if attempt == 2 {
			return "", fmt.Errorf("the compiler gave up: %w", err)
		}
	}
}
