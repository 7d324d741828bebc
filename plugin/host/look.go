package host

import (
	"syscall"

	"ddc/rpc"
	"ddc/transport/hub"
)

// Look is what the host sees of a plugin's present run at one moment. Tools
// judge by it whether anything still moves.
type Look struct {
	// PID is the plugin's process.
	PID int
	// Link is what the words of its link say.
	Link hub.State
	// Calls are those under way, oldest first.
	Calls []rpc.Call
}

// Look looks at the present run. It takes no lock that a caller could hold
// while waiting. False says that no process runs, or that there is no hub to
// look at.
func (p *Plugin) Look() (Look, bool) {
	p.mu.Lock()
	r, ok := p.current.(*process)
	p.mu.Unlock()
	if !ok {
		return Look{}, false
	}
	link, ok := r.link.(*hub.Link)
	if !ok {
		return Look{}, false
	}
	return Look{PID: r.pid(), Link: link.State(), Calls: callsOf(r)}, true
}

// Signal sends a signal to every plugin process that has attached: those are
// ready for it.
func (h *Host) Signal(s syscall.Signal) {
	for _, p := range h.Plugins() {
		p.mu.Lock()
		r, ok := p.current.(*process)
		p.mu.Unlock()
		if ok && r.link.Attached() {
			_ = r.cmd.Process.Signal(s) // it may have ended just now
		}
	}
}
