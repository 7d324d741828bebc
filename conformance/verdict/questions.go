package verdict

import (
	"fmt"
	"strings"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

// questions answers the report's four questions, each from cells.
func (d *document) questions(in *Input) {
	d.section("The report's questions, asked of this transport")
	d.part("1. Is the doorbell byte written by the host when the ring is written?")
	d.say("%s", in.written())
	d.part("2. Is AsyncFd edge-triggered or level-triggered, and does it matter?")
	d.say("%s", in.edges())
	d.part("3. After a successful call, is the doorbell properly re-armed for the next wake?")
	d.say("%s", in.rearmed())
	d.part("4. Is there a race in which the plugin drains the ring but misses the doorbell?")
	d.say("%s", in.races())
}

// written looks at the doorbells' counters of hung plugins.
func (in *Input) written() string {
	var none, there []string
	var example match
	for _, m := range in.matches() {
		c := m.cell
		l := m.run.Evidence.Link
		if !m.idle || c.Strategy != matrix.Reported || !l.ToPlugin || !l.Asleep || l.Unread == 0 {
			continue
		}
		if l.Token {
			there = append(there, c.Fault)
		} else {
			none = append(none, c.Fault)
			if example.run == nil {
				example = m
			}
		}
	}
	var s []string
	if len(none) > 0 {
		s = append(s, fmt.Sprintf("In the hangs of this kind no byte lay in the doorbell of the sleeping plugin with %s: it had not been written, or had been written and was eaten.", and(quoted(none))))
	}
	if example.run != nil {
		l := example.run.Evidence.Link
		s = append(s, fmt.Sprintf("With `%s`, for example, the plugin's doorbell had been given %d tokens and the plugin had returned from sleep %d times, while %d rings had left none because the plugin was taken to be awake.",
			example.cell.Fault, l.Sent, l.Received, l.Suppressed))
	}
	if len(there) > 0 {
		s = append(s, fmt.Sprintf("With %s the byte was written and lay there, and the event loop did not tell.", and(quoted(there))))
	}
	s = append(s, "Which of the two it is, one look decides: `ddc inspect` says of a link that hangs \"no token\" or \"a token that it does not notice\". In the old system, read the socket's queue length of the plugin's doorbell (`ss -xp`, column Recv-Q): 0 is no byte.")
	return strings.Join(s, " ")
}

// edges says which faults bite only through event loops.
func (in *Input) edges() string {
	var only, immune []string
	for _, e := range in.faults() {
		if !in.inLoops(e) {
			continue
		}
		plain := false
		for _, s := range in.strategies() {
			plain = plain || !loops(s) && in.ruleFault(e, s).in
		}
		if !plain {
			only = append(only, string(e.Name))
		}
	}
	for _, s := range in.strategies() {
		if !loops(s) {
			immune = append(immune, s)
		}
	}
	text := "AsyncFd is edge-triggered: tokio registers descriptors with EPOLLET and keeps a flag of readiness of its own, which the caller clears (tokio's documentation of AsyncFd and its guards)."
	if len(only) == 0 {
		return text + " No fault of an event loop showed in this run."
	}
	return text + fmt.Sprintf(" It matters: %s hung where the plugin slept in edge-triggered epoll with such a flag, and on none of %s, whose sleepers ask the kernel itself each time.", and(quoted(only)), and(immune))
}

// rearmed says how long doorbells went on, with and without the faults of
// re-arming.
func (in *Input) rearmed() string {
	var s []string
	if c := in.Matrix.Cell(matrix.NoFault, matrix.Reported); c != nil && c.Verdict == matrix.Immune {
		s = append(s, fmt.Sprintf("It can be: without a fault the same kind of doorbell (%s) woke its sleepers through %d calls.", matrix.Reported, c.Answered))
	}
	for _, suspicion := range []fault.Suspicion{fault.Deregistered, fault.EdgeLost} {
		for _, e := range standing(suspicion) {
			if c := in.Matrix.Cell(string(e.Name), matrix.Reported); c != nil && c.Verdict == matrix.Hung {
				s = append(s, fmt.Sprintf("It is not with `%s` (%s): hung at call %d, the %s of that plugin.", e.Name, e.Defect, c.Answered+1, ordinal(c.AnsweredByPlugin+1)))
			} else if x := in.found(string(e.Name), ""); x != nil {
				s = append(s, fmt.Sprintf("It is not with `%s` (%s): the explorer found it (%s).", e.Name, e.Defect, firstLine(x.Finding)))
			}
		}
	}
	s = append(s, "A sleeper that drains after waking and before it looks, and asks the kernel rather than a flag, has nothing to re-arm.")
	return strings.Join(s, " ")
}

// races are the faults with a window between looking and sleeping.
func (in *Input) races() string {
	var yes, not []string
	for _, name := range []fault.Name{fault.CheckBeforeAnnounce, fault.DrainAfterCheck, fault.KeyAfterCheck, fault.SuppressedDrained, fault.ClearedReadiness} {
		e, ok := fault.ByName(string(name))
		if !ok {
			continue
		}
		var where []string
		for _, s := range in.Matrix.Columns() {
			if c := in.Matrix.Cell(string(name), s); c != nil && c.Verdict == matrix.Hung {
				where = append(where, s)
			}
		}
		if len(where) > 0 {
			yes = append(yes, fmt.Sprintf("`%s` (%s) hung on %s", name, e.Window, and(where)))
		} else if x := in.found(string(name), ""); x != nil {
			yes = append(yes, fmt.Sprintf("`%s` (%s) was found by the explorer", name, e.Window))
		} else {
			not = append(not, string(name))
		}
	}
	if len(yes) == 0 {
		return "None of the races that were tried showed."
	}
	text := "Yes, wherever one of these windows is open: " + strings.Join(yes, "; ") + "."
	if len(not) > 0 {
		text += fmt.Sprintf(" %s did not show.", and(quoted(not)))
	}
	return text
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		suffix = [...]string{"th", "st", "nd", "rd", "th", "th", "th", "th", "th", "th"}[n%10]
	}
	return fmt.Sprint(n) + suffix
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
