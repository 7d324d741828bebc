//go:build ddcfault

package rpc

import (
	"context"
	"os/exec"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fault"
	"ddc/internal/forker"
)

// broken is what a server remembers for its faults.
type broken struct{ calls atomic.Int32 }

// goodCalls is how many calls a server answers before a handler never ends: as many
// samples as ran well in the original of the hang's report.
const goodCalls = 5

// waitForProcess waits for a process that never ends, whatever becomes of the call;
// only the link's end ends it, or this process's, so that nothing is left behind.
func (f *broken) waitForProcess(link context.Context) {
	if f.calls.Add(1) != goodCalls+1 {
		return
	}
	c := exec.CommandContext(link, "sleep", "infinity")
	if fault.On(fault.BuildInsideBuild) {
		// The innermost ends with the pipe, whoever has ended before it, and
		// the others then.
		c = exec.CommandContext(link, "sh", "-c", `sh -c "cat; exit"; exit`)
		if _, err := c.StdinPipe(); err != nil {
			return
		}
	}
	_ = forker.Run(c)
}

// droppedReply says that a reply is dropped because it cannot be sent, and nobody
// is told.
func droppedReply(err error) bool {
	return fault.On(fault.ReplyDropped) && status.Code(err) == codes.ResourceExhausted
}
