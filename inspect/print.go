package inspect

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"ddc/inspect/text"
	"ddc/internal/printable"
	"ddc/internal/trace"
	"ddc/transport/hub"
)

// Print writes a report: one line a link, then what the words say of each link
// that has something wrong, or of every link if all is true.
func (r *Report) Print(w io.Writer, all bool) { PrintAll(w, []Report{*r}, all) }

// PrintAll is Report.Print of several hubs, whose links share one table. A hub
// without links is left out if another has some.
func PrintAll(w io.Writer, reports []Report, all bool) {
	var links []*LinkReport
	for i := range reports {
		for j := range reports[i].Links {
			links = append(links, &reports[i].Links[j])
		}
	}
	for i := range reports {
		if r := &reports[i]; len(r.Links) > 0 || len(links) == 0 {
			used, of := r.Used()
			fmt.Fprintf(w, "%srings of %d, %d of %d slots in use\n", prefix(r.Hub), r.Cells, used, of)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PLUGIN\tWAKE\tPID\tDOES\tTO PLUGIN\tTO HOST\tCALLS\tOLDEST\tDIAGNOSIS")
	for _, l := range links {
		oldest := "-"
		if len(l.Calls) > 0 {
			oldest = fmt.Sprintf("%.1f s", l.Calls[0].Age)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%d\t%d\t%s\t%s\n", l.Name, l.Wake, l.Plugin.PID, l.Plugin.Doing,
			int64(l.ToPlugin.Unread), int64(l.ToHost.Unread), len(l.Calls), oldest, l.Text)
	}
	_ = table.Flush() // if w fails, the later writes fail too
	for _, l := range links {
		if all || l.Wrong() {
			fmt.Fprintln(w)
			l.Print(w)
		}
	}
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return "hub " + printable.Line(path) + ": "
}

// maxCallLines bounds how many calls are listed.
const maxCallLines = 8

// Print writes all that is known of a link.
func (l *LinkReport) Print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", l.Name, l.Text)
	for _, d := range []struct {
		to     string
		whose  string
		sender string
		RingReport
	}{{"to plugin", "plugin's", "host", l.ToPlugin}, {"to host", "host's", "plugin", l.ToHost}} {
		fmt.Fprintf(w, "  %-9s  %d unread (produced %d, consumed %d)%s; %s bell: %s, signals %#x\n",
			d.to, int64(d.Unread), d.Produced, d.Consumed, text.If(d.Starved, ", announced full"), d.whose, d.Bell.text(), d.Signals)
		for _, wait := range d.words {
			fmt.Fprintf(w, "  %-9s  %s\n", d.to, strings.Replace(wait, "sender", d.sender, 1))
		}
	}
	if l.Caller.Sleeper != "awake" {
		fmt.Fprintf(w, "  a caller receives in the place of the host's pump: %s\n", l.Caller.text())
	}
	for _, side := range sides {
		if why, ended := l.Ended[side]; ended {
			fmt.Fprintf(w, "  %s ended the link: %s\n", side, why)
		}
	}
	fmt.Fprintf(w, "  slots owned: host %d, plugin %d\n", l.Owned["host"], l.Owned["plugin"])
	for i, c := range l.Calls {
		if i == maxCallLines {
			fmt.Fprintf(w, "  and %d more calls\n", len(l.Calls)-i)
			break
		}
		fmt.Fprintf(w, "  call %s%s, stream %d, since %.1f s\n", cmp.Or(c.Method, "(not noted)"), text.If(c.About != "", " for "+c.About), c.Stream, c.Age)
	}
	for _, p := range []struct {
		who string
		Process
	}{{"host", l.Host}, {"plugin", l.Plugin}} {
		if p.PID != 0 {
			fmt.Fprintf(w, "  %s, process %d: %s%s\n", p.who, p.PID, p.Doing, threadWaits(p.Threads))
			if p.who == "plugin" && len(p.Awaits) > 0 {
				fmt.Fprintf(w, "  plugin has started %s\n", processes(p.Awaits))
			}
		}
	}
}

func (b BellReport) text() string {
	return fmt.Sprintf("%s, token %s, seq %d, %d sent, %d suppressed, %d spurious", b.Sleeper, b.Token, b.Seq, b.Sent, b.Suppressed, b.Spurious)
}

// threadWaits counts threads by what they do in the kernel: "; 5 in
// futex_wait_queue".
func threadWaits(threads []Thread) string {
	counts := map[string]int{}
	for _, t := range threads {
		switch {
		case t.State == "R":
			counts["running"]++
		case t.Waits != "":
			counts["in "+t.Waits]++
		case t.Call != "":
			counts["in system call "+t.Call]++
		}
	}
	var text strings.Builder
	for i, what := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}) {
		text.WriteString([]string{"; threads: ", ", "}[min(i, 1)])
		fmt.Fprintf(&text, "%d %s", counts[what], what)
	}
	return text.String()
}

// bells are the doorbells of a link, as events number them.
var bells = []string{"the host's bell", "the plugin's bell", "the caller's bell"}

// PrintEvents writes the last events of both ends of a link, oldest first, with
// how long before now each was.
func PrintEvents(w io.Writer, now int64, ends [2][]hub.Event) {
	type sided struct {
		trace.Event
		side int
	}
	var all []sided
	for side, events := range ends {
		for _, e := range events {
			all = append(all, sided{e, side})
		}
	}
	slices.SortStableFunc(all, func(a, b sided) int { return cmp.Compare(a.When, b.When) })
	for _, e := range all {
		fmt.Fprintf(w, "  %12.6f s  %-6s  %v%s\n", -seconds(now-e.When), sides[e.side], e.Kind, about(e.Event))
	}
}

// about says what an event's argument is.
func about(e trace.Event) string {
	switch e.Kind {
	case trace.Asleep, trace.Awake, trace.Token:
		if int(e.Arg) < len(bells) {
			return " (" + bells[e.Arg] + ")"
		}
	case trace.CallBegan, trace.CallEnded, trace.HandlerBegan, trace.HandlerEnded:
		return fmt.Sprintf(" (stream %d)", e.Stream())
	}
	return ""
}

// PrintSlots writes the pool's slots by class and state.
func (r *Report) PrintSlots(w io.Writer) {
	for _, s := range r.Slots {
		fmt.Fprintf(w, "slots of %d bytes: %d of %d free (%d filling, %d sent, %d held)\n", s.Size, s.Count-s.Filling-s.Sent-s.Held, s.Count, s.Filling, s.Sent, s.Held)
	}
}
