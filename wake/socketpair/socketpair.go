// Package socketpair wakes through two connected stream sockets. A token is a
// byte. The kernel charges some 760 bytes for it, so with the default send
// buffer the 279th finds no room, which is as good as any: one is enough. Both
// processes hold both ends, so that the sleeper's own process can wake it too.
package socketpair

import (
	"fmt"
	"os"

	"ddc/internal/sys"
	"ddc/wake"
)

// Strategy makes socketpair wakers.
type Strategy struct{}

var _ wake.Strategy = Strategy{}

// Name is "socketpair".
func (Strategy) Name() string { return "socketpair" }

// Needs says that any kernel will do.
func (Strategy) Needs() string { return "socketpair(2) with AF_UNIX, Linux 2.6.27" }

// Make makes the sockets: the sleeper's, then the ringers'.
func (Strategy) Make() ([]*os.File, error) {
	a, b, err := sys.Socketpair()
	if err != nil {
		return nil, err
	}
	return []*os.File{a, b}, nil
}

// Open opens both sockets.
func (Strategy) Open(_ *wake.Tokens, files []*os.File) (wake.Waker, error) {
	w, err := wake.OpenBytes(files, wake.ByteFile.SendNow, tokensAtOnce)
	if err != nil {
		return nil, fmt.Errorf("open socketpair waker: %w", err)
	}
	return w, nil
}

// tokensAtOnce is how many bytes a sleeper that wakes takes in one call.
const tokensAtOnce = 512
