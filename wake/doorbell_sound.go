//go:build !ddcfault

package wake

import "context"

// What the faults of doorbell.go do instead is in doorbell_fault.go. Here it is
// never called.

var errNoToken error

func looksEarly() bool                    { return false }
func (*Doorbell) looked(func() bool) bool { return false }
func (*Doorbell) announcePlainly()        {}
func (*Doorbell) drainStore()             {}
func (*Doorbell) drainEarly()             {}
func (*Doorbell) healLater()              {}

func (*Doorbell) wakeSuppressed() (asleep bool, err error) { return false, nil }

func (*Doorbell) awaitSuppressed(context.Context, func() bool) error { return nil }
