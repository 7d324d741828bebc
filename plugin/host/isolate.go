package host

import (
	"errors"
	"fmt"
	"sync"

	"ddc/transport"
	"ddc/transport/hub"
)

// isolation gives every run of a plugin a hub of its own: what a plugin writes
// to its memory, no other plugin has in its own. It costs a mapping, a futex gate
// and the pages of a pool for each; see docs/SECURITY.md for how much.
type isolation struct {
	options hub.Options
	// first has no peers. The others share with it who receives in a pump's place.
	first *hub.Hub

	mu     sync.Mutex
	closed bool
	hubs   []*hub.Hub
	index  map[string]int // in hubs, by the plugin's name
}

var _ transport.Transport = (*isolation)(nil)

func newIsolation(o hub.Options) (*isolation, error) {
	o.Peers = 1
	first, err := hub.Create(o)
	if err != nil {
		return nil, err
	}
	o.Beside = first
	return &isolation{options: o, first: first, index: map[string]int{}}, nil
}

// hub makes the hub of a plugin's next run. The one of its last run, whose link
// has been closed, goes, and with it whatever the plugin has left there.
func (i *isolation) hub(name string) (*hub.Hub, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil, fmt.Errorf("make a hub for %s: %w", name, transport.ErrClosed)
	}
	made, err := hub.Create(i.options)
	if err != nil {
		return nil, fmt.Errorf("make a hub for %s: %w", name, err)
	}
	known, ok := i.index[name]
	if !ok {
		i.index[name] = len(i.hubs)
		i.hubs = append(i.hubs, made)
		return made, nil
	}
	old := i.hubs[known]
	i.hubs[known] = made
	return made, old.Close()
}

// list lists the hubs, each at the same index for as long as this one lives.
func (i *isolation) list() []*hub.Hub {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]*hub.Hub(nil), i.hubs...)
}

// Name is that of the hubs.
func (i *isolation) Name() string { return i.first.Name() }

// Pair is for links within one process, where there is nobody to be kept apart.
func (i *isolation) Pair(name string) (host, peer transport.Link, err error) {
	return i.first.Pair(name)
}

// Close closes every hub.
func (i *isolation) Close() error {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	var errs []error
	for _, h := range append(i.list(), i.first) {
		errs = append(errs, h.Close())
	}
	return errors.Join(errs...)
}

// hubFor is the hub that a plugin's next run attaches to.
func (h *Host) hubFor(name string) (*hub.Hub, error) {
	if h.isolation == nil {
		return h.hub, nil
	}
	return h.isolation.hub(name)
}
