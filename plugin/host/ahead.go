package host

import "context"

// Ahead starts plugins in the background that are about to be called: each
// needs some 20 ms before its first call, most of them a processor's. One that
// cannot be started says so to its first call. Those that run already, run in
// this process or on other machines are left alone.
func (h *Host) Ahead(names ...string) {
	if h.options.Local != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	for _, name := range names {
		h.ahead.Go(func() { h.Plugin(name).startAhead() })
	}
}

func (p *Plugin) startAhead() {
	p.mu.Lock()
	began := p.current != nil
	p.mu.Unlock()
	if !began && p.remote == nil {
		_, _ = p.acquire(context.Background()) // the first call says what is wrong
	}
}

// follow starts, with the first call that a plugin has answered, those whose
// calls follow.
func (p *Plugin) follow() {
	if next := p.host.options.Calls.Then; next != nil {
		p.host.Ahead(next(p.base())...)
	}
}
