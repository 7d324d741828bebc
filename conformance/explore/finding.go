//go:build explore

package explore

import (
	"fmt"
	"strings"
)

// Kind is a kind of finding.
type Kind string

// The kinds that the explorer itself tells, and those that scenarios share.
const (
	LostWakeup Kind = "lost wake-up"
	Deadlock   Kind = "deadlock"
	Panic      Kind = "panic"
	Race       Kind = "data race"
	Endless    Kind = "endless"
	Frame      Kind = "frame"    // torn, repeated, missing or out of order
	Slot       Kind = "slot"     // owned twice, or leaked
	Index      Kind = "index"    // out of order
	Unmapped   Kind = "unmapped" // memory used after it was given back
	Failure    Kind = "failure"  // an error that nothing explains
)

// Finding is a schedule that shows a defect.
type Finding struct {
	Kind Kind
	Text string
	// Columns is the schedule, one step a line.
	Columns string
	// Replay is the token that runs it again.
	Replay string
	// Steps and Preemptions measure the schedule.
	Steps, Preemptions int
}

func (f *Finding) String() string {
	return fmt.Sprintf("%s: %s\n%s\nreplay: -explore.replay=%s", f.Kind, f.Text, f.Columns, f.Replay)
}

// name is what people call an object.
func (r *run) name(o any) string {
	if o == nil {
		return ""
	}
	if name, ok := r.world.names[o]; ok {
		return name
	}
	switch o := o.(type) {
	case life:
		return r.world.processes[o.process]
	case *task:
		return o.name
	}
	kind := fmt.Sprintf("%T", o)
	kind = strings.TrimPrefix(kind, "*")
	kind = kind[strings.LastIndex(kind, ".")+1:]
	switch kind {
	case "Int64", "Int32":
		kind = "count"
	case "Bool":
		kind = "flag"
	}
	if strings.HasPrefix(fmt.Sprintf("%T", o), "<-chan") {
		kind = "channel"
	}
	return fmt.Sprintf("%s#%d", strings.ToLower(kind), r.id(o))
}

// columns prints the steps made, a column for each process.
func (r *run) columns() string {
	width := make([]int, len(r.world.processes))
	cells := make([]string, len(r.log))
	for i, e := range r.log {
		if i < r.settled {
			continue
		}
		t := r.tasks[e.task]
		cells[i] = r.describe(e)
		width[t.process] = max(width[t.process], len(cells[i]))
	}
	var b strings.Builder
	line := func(n string, process int, text string) {
		row := fmt.Sprintf("%4s  ", n)
		for p := range width {
			cell := ""
			if p == process {
				cell = text
			}
			row += fmt.Sprintf("%-*s", width[p], cell)
			if p < len(width)-1 {
				row += " | "
			}
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	head := fmt.Sprintf("%4s  ", "")
	for p, name := range r.world.processes {
		width[p] = max(width[p], len(name))
		head += fmt.Sprintf("%-*s", width[p]+3, name)
	}
	b.WriteString(strings.TrimRight(head, " ") + "\n")
	if r.settled > 0 {
		fmt.Fprintf(&b, "%4s  until all that was started sleeps: %d steps\n", "", r.settled)
	}
	for i, e := range r.log {
		if i < r.settled {
			continue
		}
		line(fmt.Sprint(i+1), r.tasks[e.task].process, cells[i])
	}
	return b.String()
}

func (r *run) describe(e entry) string {
	t := r.tasks[e.task]
	short := t.name[strings.Index(t.name, ".")+1:]
	text := fmt.Sprintf("%s: %s %s", short, e.verb, r.name(e.object))
	switch {
	case e.rare && e.alternative == 2:
		text += " fails"
	case e.rare:
		text += " interrupted"
	case e.verb == "cas" && e.did && e.before == e.after:
		text += fmt.Sprintf(" fails: %d", e.before)
	case e.did && e.before == e.after:
		text += fmt.Sprintf(" = %d", e.after)
	case e.did:
		text += fmt.Sprintf(" %d -> %d", e.before, e.after)
	}
	return text
}

// letters name a task: a small letter for the first 26, and for those beyond,
// capitals before it.
func letters(task int) string {
	s := string(rune('a' + task%26))
	for task = task/26 - 1; task >= 0; task = task/26 - 1 {
		s = string(rune('A'+task%26)) + s
	}
	return s
}

// token writes a schedule: letters for each task, followed by how many steps in
// a row it makes where that is not 1. "~2" after a step says that it took
// alternative 2.
func (r *run) token() string {
	var b strings.Builder
	for i := 0; i < len(r.log); {
		e := r.log[i]
		b.WriteString(letters(e.task))
		if e.alternative != 0 {
			fmt.Fprintf(&b, "~%d", e.alternative)
			i++
			continue
		}
		n := 1
		for i+n < len(r.log) && r.log[i+n].task == e.task && r.log[i+n].alternative == 0 {
			n++
		}
		if n > 1 {
			fmt.Fprint(&b, n)
		}
		i += n
	}
	return b.String()
}

// choice is one step of a schedule.
type choice struct{ task, alternative int }

// parseToken reads what token wrote.
func parseToken(s string) ([]choice, error) {
	var all []choice
	number := func(i int) (n, end int) {
		for end = i; end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
			n = 10*n + int(s[end]-'0')
		}
		return n, end
	}
	for i := 0; i < len(s); {
		c := choice{}
		for ; i < len(s) && s[i] >= 'A' && s[i] <= 'Z' && c.task < mostTasks; i++ {
			c.task = 26 * (c.task + int(s[i]-'A') + 1)
		}
		if i == len(s) || s[i] < 'a' || s[i] > 'z' || c.task >= mostTasks {
			return nil, fmt.Errorf("replay token: there is no task at %d", i)
		}
		c.task += int(s[i] - 'a')
		i++
		times := 1
		if i < len(s) && s[i] == '~' {
			c.alternative, i = number(i + 1)
		} else if n, end := number(i); end > i {
			times, i = n, end
		}
		for range times {
			all = append(all, c)
		}
	}
	return all, nil
}
