package plugin

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"google.golang.org/grpc"

	"ddc/internal/activity"
	"ddc/internal/memory"
	"ddc/plugin/agreement"
)

// guardHeap ends this process when more than live bytes are alive on its heap
// and stacks, before the kernel has to choose which process to kill; 0 is no
// bound. The host repeats its calls. While no call is under way nobody looks.
func guardHeap(live int64, calls *activity.Activity) *memory.Guard {
	if live == 0 {
		return nil
	}
	// A deep stack is found by the guard too, which says what it is.
	debug.SetMaxStack(int(max(1<<30, 4*live)))
	return memory.NewGuardDuring(calls, live, live+live/2, func(bytes int64) {
		fmt.Fprintf(os.Stderr, "out of memory: %d MB, at most %d MB\n", bytes/1e6, live/1e6)
		os.Exit(agreement.ExitExhausted)
	})
}

// unaryIn counts a unary call as work.
func unaryIn(calls *activity.Activity) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		calls.Begin()
		defer calls.End()
		return handler(ctx, request)
	}
}

// streamIn counts a stream as work, but for the one that carries calls to the
// host: it lasts as long as the plugin.
func streamIn(calls *activity.Activity) grpc.StreamServerInterceptor {
	return func(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if info.FullMethod == agreement.HostMethod {
			return handler(service, stream)
		}
		calls.Begin()
		defer calls.End()
		return handler(service, stream)
	}
}
