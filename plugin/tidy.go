package plugin

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// A plugin that has worked on something large, and then has nothing to do,
// gives its memory back. Go's collector runs when the heap grows, and an idle
// heap does not grow. With sixteen plugins, the others need the room.
//
// The size of messages decides, since at least that much was allocated. The
// pause is there for replies that are still being sent, and for calls that
// follow at once: those would have to fault everything in again.
const (
	tidyAbove = 4 << 20
	tidyPause = 100 * time.Millisecond
)

// tidier sees all calls of a plugin.
type tidier struct {
	free func() // debug.FreeOSMemory, but for tests

	mu       sync.Mutex
	underWay int
	large    bool
	timer    *time.Timer // nil until it is first needed
}

func newTidier() *tidier { return &tidier{free: debug.FreeOSMemory} }

// intercept is a grpc.UnaryServerInterceptor.
func (t *tidier) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	t.begin()
	var reply any
	defer func() { t.end(isLarge(request) || isLarge(reply)) }()
	var err error
	reply, err = handler(ctx, request)
	return reply, err
}

func isLarge(m any) bool {
	message, ok := m.(proto.Message)
	return ok && proto.Size(message) >= tidyAbove
}

func (t *tidier) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underWay++
	if t.timer != nil {
		t.timer.Stop()
	}
}

func (t *tidier) end(large bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underWay--
	t.large = t.large || large
	switch {
	case t.underWay > 0 || !t.large:
	case t.timer == nil:
		t.timer = time.AfterFunc(tidyPause, t.tidy)
	default:
		t.timer.Reset(tidyPause)
	}
}

func (t *tidier) tidy() {
	t.mu.Lock()
	idle := t.underWay == 0
	t.large = t.large && !idle
	t.mu.Unlock()
	if idle {
		t.free()
	}
}

// stop cancels what is still pending: the process is about to end.
func (t *tidier) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
}
