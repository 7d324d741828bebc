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

// goodCalls is how many calls a server answers before a handler never ends: in
// the hang's report that many samples ran well.
const goodCalls = 5

// waitForProcess waits for a process that never ends, whatever becomes of the
// call. Only the end of the link, or of this process, ends it, so that nothing
// is left behind.
func (f *broken) waitForProcess(link context.Context) {
	if f.calls.Add(1) != goodCalls+1 {
		return
	}
	c := exec.CommandContext(link, "sleep", "infinity")
	if fault.On(fault.BuildInsideBuild) {
		// The innermost shell ends when the pipe does, and the others end with
		// it.
		c = exec.CommandContext(link, "sh", "-c", `sh -c "cat; exit"; exit`)
		if _, err := c.StdinPipe(); err != nil {
			return
		}
	}
	_ = forker.Run(c)
}

// droppedReply says whether the fault is on that drops a reply that cannot be
// sent, and tells nobody.
func droppedReply(err error) bool {
	return fault.On(fault.ReplyDropped) && status.Code(err) == codes.ResourceExhausted
}
