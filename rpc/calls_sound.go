//go:build !ddcfault

package rpc

import "context"

// These are never called in this build. calls_fault.go has what the faults do.

type broken struct{}

func (*broken) waitForProcess(context.Context) {}

func droppedReply(error) bool { return false }
