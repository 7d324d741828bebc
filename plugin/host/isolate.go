package host

import (
	"errors"
	"fmt"
	"sync"

	"ddc/transport"
	"ddc/transport/hub"
)

// isolation gives every run of a plugin a hub of its own, so that no two
// plugins share memory. Each hub costs a mapping, a futex gate and the pages of
// a pool; docs/SECURITY.md says how much.
type isolation struct {
	options hub.Options
	// first has no plugins: it makes the links within this process.
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
	return &isolation{options: o, first: first, index: map[string]int{}}, nil
}

// hub makes the hub of a plugin's next run. The link of the last run is closed,
// so the last run's hub is removed, with whatever the plugin left there.
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

// list lists the hubs, each at the same index for as long as the isolation
// lives.
func (i *isolation) list() []*hub.Hub {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]*hub.Hub(nil), i.hubs...)
}

// Name is that of the hubs.
func (i *isolation) Name() string { return i.first.Name() }

// Pair makes links within one process, where there is nothing to isolate.
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

// hubFor returns the hub that a plugin's next run attaches to.
func (h *Host) hubFor(name string) (*hub.Hub, error) {
	if h.isolation == nil {
		return h.hub, nil
	}
	return h.isolation.hub(name)
}
