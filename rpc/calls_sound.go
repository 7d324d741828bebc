//go:build !ddcfault

package rpc

import "context"

// What the faults of this package do instead is in calls_fault.go. Here it is never
// called.

type broken struct{}

func (*broken) waitForProcess(context.Context) {}

func droppedReply(error) bool { return false }
