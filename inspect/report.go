package inspect

import (
	"cmp"
	"slices"
	"time"

	"ddc/inspect/text"
	"ddc/transport/hub"
)

// Report describes a hub: a snapshot, in the words of people and of JSON, and
// the diagnosis of each link.
type Report struct {
	Hub   string       `json:"hub,omitempty"`
	Cells int          `json:"ring_cells"`
	Slots []SlotReport `json:"slots"`
	Links []LinkReport `json:"links"`
}

// SlotReport counts the slots of one size, in bytes, by state.
type SlotReport struct {
	Size    int `json:"size"`
	Count   int `json:"count"`
	Filling int `json:"filling"`
	Sent    int `json:"sent"`
	Held    int `json:"held"`
}

// LinkReport is one link of a Report. Times are in seconds.
type LinkReport struct {
	Diagnosis
	Text string `json:"diagnosis"`

	Wake        string  `json:"wake"`
	Incarnation uint32  `json:"incarnation"`
	Host        Process `json:"host"`
	Plugin      Process `json:"plugin"`

	ToPlugin RingReport     `json:"to_plugin"`
	ToHost   RingReport     `json:"to_host"`
	Caller   BellReport     `json:"caller_bell"`
	Calls    []CallReport   `json:"calls"`
	Unnoted  int            `json:"calls_not_noted,omitempty"`
	Handlers int            `json:"handlers"` // -1 where the plugin does not say
	Owned    map[string]int `json:"slots_owned"`
	// Ended is why each side ended the link, by side, if it has.
	Ended map[string]string `json:"ended,omitempty"`
}

// RingReport is a ring, its senders, and the bell of its receiver.
type RingReport struct {
	Produced uint64     `json:"produced"`
	Consumed uint64     `json:"consumed"`
	Unread   uint64     `json:"unread"`
	Starved  bool       `json:"announced_full"`
	Space    float64    `json:"waits_for_space_s,omitempty"`
	Slot     float64    `json:"waits_for_slot_s,omitempty"`
	Closed   bool       `json:"closed,omitempty"`
	Signals  uint32     `json:"signals"`
	Bell     BellReport `json:"bell"`

	words []string
}

// BellReport is a doorbell. Counts are of rings that left a token and that
// found the sleeper awake, and of wakings, with those for nothing.
type BellReport struct {
	Seq        uint32 `json:"seq"`
	Sleeper    string `json:"sleeper"`
	Token      string `json:"token"`
	Sent       uint64 `json:"sent"`
	Suppressed uint64 `json:"suppressed"`
	Received   uint64 `json:"received"`
	Spurious   uint64 `json:"spurious"`
}

// CallReport is a call under way.
type CallReport struct {
	Stream uint32  `json:"stream"`
	Method string  `json:"method,omitempty"`
	About  string  `json:"about,omitempty"`
	Age    float64 `json:"age_s"`
}

// NewReport diagnoses snapshots of one hub, and reports the last of them. Links
// that nobody uses any more are left out.
func NewReport(path string, snapshots ...Snapshot) Report {
	last := snapshots[len(snapshots)-1]
	r := Report{Hub: path, Slots: []SlotReport{}, Links: []LinkReport{}}
	for _, u := range last.Classes {
		r.Slots = append(r.Slots, SlotReport{u.Size, u.Count, u.Filling, u.Sent, u.Held})
	}
	for i, d := range Diagnose(snapshots...) {
		r.Cells = last.Links[i].Cells
		if d.Kind != Closed {
			r.Links = append(r.Links, newLinkReport(&last, &last.Links[i], d))
		}
	}
	slices.SortStableFunc(r.Links, func(a, b LinkReport) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

func newLinkReport(s *Snapshot, l *hub.LinkSnapshot, d Diagnosis) LinkReport {
	r := LinkReport{
		Diagnosis: d, Text: d.String(), Wake: l.Strategy, Incarnation: l.Incarnation,
		Host: s.process(l.PIDs[hub.HostSide]), Plugin: s.process(l.PIDs[hub.PeerSide]),
		ToPlugin: newDirection(&l.Sides[hub.PeerSide], s.At), ToHost: newDirection(&l.Sides[hub.HostSide], s.At),
		Caller: newBell(&l.Caller), Calls: []CallReport{}, Unnoted: l.Unnoted, Handlers: l.Handlers,
		Owned: map[string]int{"host": l.Slots[hub.HostSide].Slots, "plugin": l.Slots[hub.PeerSide].Slots},
	}
	for side, name := range sides {
		if end := l.Sides[side].End; end.Kind != hub.EndNone {
			if r.Ended == nil {
				r.Ended = map[string]string{}
			}
			r.Ended[name] = end.Text
		}
	}
	for _, c := range l.Calls {
		r.Calls = append(r.Calls, CallReport{c.Stream, c.Method, c.About, seconds(s.At - c.Began)})
	}
	slices.SortFunc(r.Calls, func(a, b CallReport) int { return cmp.Or(cmp.Compare(b.Age, a.Age), cmp.Compare(a.Stream, b.Stream)) })
	return r
}

func (s *Snapshot) process(pid int) Process {
	if p, ok := s.Processes[pid]; ok {
		return p
	}
	return Process{PID: pid, Doing: Unknown}
}

func seconds(ns int64) float64 { return time.Duration(max(ns, 0)).Seconds() }

func newDirection(s *hub.SideState, now int64) RingReport {
	d := RingReport{
		Produced: s.Produced, Consumed: s.Consumed, Unread: s.Unread(), Starved: s.Starved,
		Closed: s.Closed, Signals: s.Signals, Bell: newBell(&s.BellState), words: text.Waits(*s, now),
	}
	if s.SpaceSince != 0 {
		d.Space = seconds(now - s.SpaceSince)
	}
	if s.SlotSince != 0 {
		d.Slot = seconds(now - s.SlotSince)
	}
	return d
}

func newBell(b *hub.BellState) BellReport {
	return BellReport{b.Seq, text.Sleeper(*b), text.Token(*b), b.Sent, b.Suppressed, b.Received, b.Spurious}
}

// Used counts slots in use.
func (r *Report) Used() (used, of int) {
	for _, s := range r.Slots {
		used += s.Filling + s.Sent + s.Held
		of += s.Count
	}
	return used, of
}

// Wrong says whether any link's diagnosis is.
func (r *Report) Wrong() bool {
	return slices.ContainsFunc(r.Links, func(l LinkReport) bool { return l.Wrong() })
}
