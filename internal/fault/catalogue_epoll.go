package fault

// The names of the faults below.
const (
	ClearedReadiness   Name = "cleared-readiness"
	DeregisteredFD     Name = "deregistered-fd"
	LateRegistration   Name = "late-registration"
	ReadinessTickWraps Name = "readiness-tick-wraps"
)

// notEpoll says why a fault of an event loop needs an event loop.
const notEpoll = "poll(2) asks the kernel each time and keeps no readiness in user space; a futex has no descriptor to register"

// epoll lists the faults of an event loop: edge-triggered epoll, and a flag in
// user space that says whether a descriptor is ready.
func epoll() []Entry {
	return []Entry{
		{
			Name: ClearedReadiness, Rule: 3, Stands: EdgeLost, On: epolls, Immune: notEpoll, Shows: []Kind{Hung},
			Defect: "the flag of readiness is cleared after a read found nothing, over an edge that came in between",
			Seen:   "tokio's sockets hung in rare cases (tokio-rs/tokio#6133, fixed by #6134); AsyncFd is what the hang's report waits with",
			Window: "a token left between the read that finds nothing and the clearing",
			Needs:  []Mechanism{ConcurrentReadiness},
			Signs:  asleep.with(TokenLeft, usually("none", "pending")).with(PluginStack, usually("epoll_wait")),
		},
		{
			Name: DeregisteredFD, After: 10, Rule: 0, Stands: Deregistered, On: epolls, Immune: notEpoll, Shows: []Kind{Hung},
			Defect: "after ten events the doorbell's descriptor is no longer registered with epoll",
			Seen:   "suspected in the hang's report: not registered correctly after some point; a descriptor leaves epoll with its last duplicate, or when another of the same number is removed (epoll(7))",
			Needs:  []Mechanism{ChangedRegistration},
			Signs:  deaf,
		},
		{
			Name: LateRegistration, Rule: 0, On: epolls, Immune: notEpoll, Shows: []Kind{Hung},
			Defect: "the descriptor is registered at the first wait, and events from before it are thrown away",
			Seen:   "a second os.File on one descriptor fails to register, silently; a plugin of the hang's report registers its doorbell after the host may have rung",
			Window: "a token left before the first wait",
			Needs:  []Mechanism{ChangedRegistration},
			Signs:  deaf,
		},
		{
			Name: ReadinessTickWraps, Rule: 3, Stands: EdgeLost, On: epolls, Immune: notEpoll, Shows: []Kind{Hung},
			Defect: "the counter that tells a stale clearing of readiness from a fresh one has 8 bits",
			Seen:   "tokio cut its tick to 8 bits, and can lose an edge after 256 events (tokio-rs/tokio#8331)",
			Window: "a token left between the read that finds nothing and the clearing, when the loop has turned a multiple of 256 times since the descriptor's last event",
			Needs:  []Mechanism{ConcurrentReadiness},
			Signs:  deaf,
		},
	}
}
