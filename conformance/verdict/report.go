package verdict

import (
	"fmt"
	"slices"
	"strings"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

// openingWords bounds the first paragraph of a verdict on a system.
const openingWords = 60

// report writes what follows from a description alone.
func (d *document) report(in *Input) {
	s := in.System
	rulings := s.Rulings()
	left := causes(rulings)
	next := nextQuestion(s, left)
	d.say("%s", opening(rulings, left, next))
	if s.About != "" {
		d.say("%s", s.About)
	}
	d.words()
	d.facts(in)
	d.suspected("The suspects of the report", "Could it be this hang?", "Suspect", s, s.Suspects)
	d.suspected("What was mended before", "Could the fault that it mends be this hang?", "Fix", s, s.Fixes)
	d.asked(s)
	d.left(s, left)
	d.next(next)
	d.out(s, rulings)
}

// opening is the verdict in one paragraph.
func opening(rulings []Ruling, left []Cause, next *tree) string {
	count := map[Standing]int{}
	for _, r := range rulings {
		count[r.Standing]++
	}
	var b strings.Builder
	if len(left) > 0 && !slices.ContainsFunc(left, func(c Cause) bool { return !c.sound }) {
		b.WriteString("**Leave the doorbell alone: it is not the fault.** ")
	}
	fmt.Fprintf(&b, "Of %d known faults, %d cannot exist in this design, and %d would look different.", len(rulings), count[OutByDesign], count[OutByEvidence])
	if len(left) == 0 {
		b.WriteString(" None is left: the description is wrong somewhere, or the fault is a new one.")
		return b.String()
	}
	if len(left) == 1 {
		fmt.Fprintf(&b, " One cause is left: **%s**.", lower(left[0].Title))
	} else {
		fmt.Fprintf(&b, " %d causes are left. What fits best is **%s**.", len(left), lower(left[0].Title))
	}
	if next != nil {
		fmt.Fprintf(&b, " Ask next: %s Run `%s`.", lower(next.ask.Question), next.ask.Command)
	}
	return b.String()
}

// nextQuestion is the root of the tree of what to look at. It leaves out what
// was seen already.
func nextQuestion(s *System, left []Cause) *tree {
	var made []fault.Observation
	for _, f := range s.evidence() {
		made = append(made, f.Observation)
	}
	var all []*Cause
	for i := range left {
		all = append(all, &left[i])
	}
	return grow(all, made, treeDepth)
}

const protocolPicture = `
   HOST                     HUB (one file that both have mapped)            PLUGIN

   caller --- push --->  [frame][frame][     ][     ]  ring  --- pop --->  pump ---> handler
         \                  ^ consumer's   ^ producer's index                ^          |
          \-- ring ------------------ doorbell: a token ------- wakes ------/           |
                                                                                       |
   pump  <--- pop ----   [frame][     ][     ][     ]  ring  <--- push ----  reply <----+
     ^------- wakes --------- doorbell: a token ---------------- ring ------/

                         [payload][payload][       ]  slots, for what no frame has room for
`

// glossary are the words that the rest of a verdict uses.
var glossary = [][2]string{
	{"hub", "The file in memory that host and plugins share."},
	{"ring", "A queue of frames from one side to the other. A frame is a call, a reply or an error. A full ring has no room for the next."},
	{"index", "Where a ring's sender writes next, and where its receiver reads next. Equal indices are an empty ring."},
	{"slot", "A place for a payload too large for a frame."},
	{"doorbell", "What a receiver sleeps on. To ring it is to leave a token."},
	{"token", "One byte, or one count, in a doorbell. It stays until the sleeper takes it."},
	{"announce", "To say in shared memory that one is about to sleep, so that others ring only then. Not every design does."},
	{"park", "To sleep until a token comes."},
	{"pump", "The task that receives: it takes frames out of the ring and hands them on."},
	{"credit", "How many bytes of a stream may be under way before the receiver has read some."},
}

// words draws the protocol, and explains ten words.
func (d *document) words() {
	d.section("How such a system works")
	d.dump(strings.Trim(protocolPicture, "\n"))
	var items []string
	for _, w := range glossary {
		items = append(items, fmt.Sprintf("**%s**: %s", w[0], w[1]))
	}
	d.list(items...)
}

// facts lists what was seen, measured and inferred, each with its source.
func (d *document) facts(in *Input) {
	s := in.System
	d.section("What was seen, and what was only concluded")
	d.say("**Seen** is in the report of the hang. **Measured** was found later, in a reproduction. **Inferred** was concluded by somebody. The first two can rule a cause out. The third cannot: it is checked against them.")
	var rows [][]string
	for _, kind := range []Kind{Seen, Measured, Inferred} {
		for _, f := range s.Facts {
			if f.Kind != kind {
				continue
			}
			checked := ""
			if kind == Inferred {
				checked = "**" + s.check(f) + "**" + in.checkByRun(f)
			}
			source := f.Source
			if f.From != "" {
				source = fmt.Sprintf("%s, from %s", f.Source, f.From)
			}
			rows = append(rows, []string{string(kind), observation(f.Observation).Question, f.value(), source, checked})
		}
	}
	d.table([]string{"how", "what", "answer", "who says so", "checked"}, rows)
}

// value is the answer, and how often it was found.
func (f Fact) value() string {
	if f.Count > 0 {
		return fmt.Sprintf("%s (%d times)", f.Value, f.Count)
	}
	return f.Value
}

// check says whether an inference was confirmed or contradicted.
func (s *System) check(f Fact) string {
	values, facts := s.found(f.Observation)
	switch {
	case len(facts) == 0:
		return "open: nobody has looked"
	case slices.Contains(values, f.Value):
		return "confirmed"
	}
	return fmt.Sprintf("contradicted; %s: %s", facts[0].Kind, strings.Join(values, ", "))
}

// checkByRun says what runs of the best fit show about an inference, or "".
func (in *Input) checkByRun(f Fact) string {
	left := causes(in.System.Rulings())
	if in.Matrix == nil || len(left) == 0 {
		return ""
	}
	var said []string
	for _, m := range in.matches() {
		if m.cell.Strategy != matrix.Reported || !slices.Contains(left[0].faults(), m.cell.Fault) {
			continue
		}
		value, ok := m.values()[f.Observation]
		switch {
		case !ok:
		case value == f.Value:
			said = append(said, fmt.Sprintf("a run of `%s` confirms it", m.cell.Fault))
		default:
			said = append(said, fmt.Sprintf("a run of `%s` contradicts it: %s", m.cell.Fault, value))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return "; " + strings.Join(said, "; ")
}

// suspected rules on what the report suspects, or has fixed.
func (d *document) suspected(heading, asks, what string, s *System, list []Suspect) {
	if len(list) == 0 {
		return
	}
	d.section(heading)
	d.say("%s", asks)
	var items []string
	for i, p := range list {
		text := fmt.Sprintf("**%s %d: %s.** %s", what, i+1, strings.TrimSuffix(p.Text, "."), s.rule(p.Faults))
		if p.Note.Text != "" {
			text += " " + p.Note.Text
			if p.Note.Source != "" {
				text += fmt.Sprintf(" (%s)", p.Note.Source)
			}
		}
		items = append(items, text)
	}
	d.list(items...)
}

// rule says in sentences what holds for the faults that stand for a suspicion.
// Each sentence is said once. If the faults differ, it names its fault.
func (s *System) rule(faults []fault.Name) string {
	var said, names []string
	for _, n := range faults {
		var text string
		switch r := s.Rule(n); r.Standing {
		case OutByDesign:
			text = "Out by design. " + s.without(r.Lacks)
		case OutByEvidence:
			text = fmt.Sprintf("Out by evidence. With it, %s: %s. %s was %s (%s).", observation(r.Against.Observation).Short, looks(n, r.Against.Observation), upper(string(r.Against.Kind)), r.Against.Value, r.Against.Source)
		default:
			text = fmt.Sprintf("In: see \"%s\" below.", causeOf(n).Title)
		}
		if !slices.Contains(said, text) {
			said, names = append(said, text), append(names, string(n))
		}
	}
	if len(said) > 1 {
		for i := range said {
			said[i] = fmt.Sprintf("As `%s`: %s", names[i], lower(said[i]))
		}
	}
	return strings.Join(said, " ")
}

// looks are the values that an observation can have with a fault.
func looks(n fault.Name, o fault.Observation) string {
	look := n.Signs()[o]
	return strings.Join(slices.Concat(look.Usual, look.Possible), " or ")
}

// without says that a mechanism is not there, and who says so.
func (s *System) without(m fault.Mechanism) string {
	return fmt.Sprintf("%s (%s).", mechanism(m).Without, s.Mechanisms[m].Source)
}

// asked answers the report's questions, by the mechanisms that decide them.
func (d *document) asked(s *System) {
	if len(s.Questions) == 0 {
		return
	}
	d.section("The questions of the report")
	var items []string
	for i, q := range s.Questions {
		items = append(items, fmt.Sprintf("**%d. %s** %s", i+1, q.Text, s.answer(q)))
	}
	d.list(items...)
}

func (s *System) answer(q Question) string {
	var has, lacks, unsaid []string
	for _, m := range q.Of {
		switch a, said := s.Mechanisms[m]; {
		case !said:
			unsaid = append(unsaid, mechanism(m).Question)
		case a.Yes:
			has = append(has, fmt.Sprintf("%s Yes (%s).", mechanism(m).Question, a.Source))
		default:
			lacks = append(lacks, s.without(m))
		}
	}
	switch {
	case len(has) > 0:
		return q.Some + " " + strings.Join(has, " ")
	case len(unsaid) > 0:
		return "The description does not say. It depends on this: " + strings.Join(unsaid, " ")
	}
	return q.None + " " + strings.Join(lacks, " ")
}

// left lists the causes that are in.
func (d *document) left(s *System, left []Cause) {
	d.section("What is left, the best fit first")
	for i := range left {
		c := &left[i]
		d.part(fmt.Sprintf("%d. %s", i+1, c.Title))
		d.say("%s", c.Plain)
		d.list(s.weigh(c)...)
		if i == 0 {
			d.whyBest(left)
			if proof := s.proof(left); proof != "" {
				d.say("%s", proof)
			}
		}
	}
	if len(left) == 0 {
		d.say("Nothing.")
	}
}

// whyBest lists what sets the best fit apart: facts that are usual with it, but
// not with the other causes that are left.
func (d *document) whyBest(left []Cause) {
	var items []string
	for _, f := range left[0].Rulings[0].Agree {
		if f.Kind == Measured {
			continue
		}
		var others []string
		for _, c := range left[1:] {
			if slices.ContainsFunc(c.Rulings[0].Strain, func(g Fact) bool { return g.Observation == f.Observation }) {
				others = append(others, "\""+lower(c.Title)+"\"")
			}
		}
		who := and(others)
		switch len(others) {
		case 0:
			continue
		case len(left) - 1:
			who = "any of the others"
		}
		items = append(items, fmt.Sprintf("%s: %s (%s). That is not usual with %s.", upper(observation(f.Observation).Short), f.Value, f.Source, who))
	}
	if len(items) > 0 {
		d.say("Why it fits best:")
		d.list(items...)
	}
}

// weigh says for each fault of a cause what is known, what fits, and what does
// not.
func (s *System) weigh(c *Cause) (items []string) {
	best := c.Rulings[0]
	if len(best.Agree) > 0 {
		items = append(items, "**Fits:** "+list(best.Agree)+".")
	}
	if len(best.Strain) > 0 {
		items = append(items, "**Unusual with it, and possible:** "+list(best.Strain)+".")
	}
	for _, r := range c.Rulings {
		name := fmt.Sprintf("`%s`", r.Fault)
		if note, known := s.Known[r.Fault]; known {
			items = append(items, fmt.Sprintf("**Known of** %s: %s (%s)", name, note.Text, note.Source))
		} else {
			items = append(items, "**One of its faults:** "+name+described(r.Fault))
		}
		for _, m := range r.Unsaid {
			items = append(items, fmt.Sprintf("**The description does not say** of %s: %s", name, mechanism(m).Question))
		}
	}
	return append(items, "**What mends it:** "+c.Remedy)
}

// described says what the catalogue says of a fault.
func described(n fault.Name) string {
	if e, ok := fault.ByName(string(n)); ok {
		return ", " + e.Defect
	}
	return ""
}

// list writes facts as people do, each observation once.
func list(facts []Fact) string {
	var order []fault.Observation
	by := map[fault.Observation][]string{}
	for _, f := range facts {
		if by[f.Observation] == nil {
			order = append(order, f.Observation)
		}
		if !slices.Contains(by[f.Observation], f.Value) {
			by[f.Observation] = append(by[f.Observation], f.Value)
		}
	}
	var parts []string
	for _, o := range order {
		parts = append(parts, fmt.Sprintf("%s %s", observation(o).Short+":", and(by[o])))
	}
	return strings.Join(parts, "; ")
}

// next draws the tree of what to look at.
func (d *document) next(next *tree) {
	d.section("What to look at next")
	if next == nil {
		d.say("No observation tells what is left apart.")
		return
	}
	d.say("While it hangs, ask the questions in this order: each tells what is left apart as well as one look can. Each answer has what it points to. PID is the plugin whose call is outstanding, HOST the host's process, HUBFILE the shared file.")
	d.dump(next.String())
}

// proof says which observation proves the best fit: the cheapest that no other
// remaining cause usually has.
func (s *System) proof(left []Cause) string {
	best := &left[0]
	for _, o := range fault.Observations() {
		usual := best.signs(o.Name)
		if byReading(o.Name) || len(usual) != 1 {
			continue
		}
		if slices.ContainsFunc(left[1:], func(c Cause) bool {
			signs := c.signs(o.Name)
			return signs == nil || slices.Contains(signs, usual[0])
		}) {
			continue
		}
		text := fmt.Sprintf("**What would prove it:** %s %s: `%s`.", o.Question, upper(usual[0]), o.Command)
		_, looked := s.found(o.Name)
		for _, f := range looked {
			if f.Value == usual[0] {
				return text + fmt.Sprintf(" It was %s (%s).", f.Kind, f.Source)
			}
		}
		return text
	}
	return ""
}

// out lists every fault that is ruled out, with the reason.
func (d *document) out(s *System, rulings []Ruling) {
	if !slices.ContainsFunc(rulings, func(r Ruling) bool { return r.Standing != In }) {
		return
	}
	d.section("What is ruled out")
	var rows [][]string
	for _, m := range fault.Mechanisms() {
		var names []string
		for _, r := range rulings {
			if r.Standing == OutByDesign && r.Lacks == m.Name {
				names = append(names, "`"+string(r.Fault)+"`")
			}
		}
		if len(names) > 0 {
			rows = append(rows, []string{m.Without, s.Mechanisms[m.Name].Source, strings.Join(names, ", ")})
		}
	}
	if len(rows) > 0 {
		d.say("**By design.** A fault cannot exist without the mechanism that it breaks. docs/FAULTS.md tells of each.")
		d.table([]string{"the design", "who says so", "so these cannot be"}, rows)
	}
	rows = nil
	for _, r := range rulings {
		if r.Standing == OutByEvidence {
			rows = append(rows, []string{"`" + string(r.Fault) + "`", observation(r.Against.Observation).Short, looks(r.Fault, r.Against.Observation),
				fmt.Sprintf("%s (%s: %s)", r.Against.value(), r.Against.Kind, r.Against.Source)})
		}
	}
	if len(rows) > 0 {
		d.say("**By evidence.** The design could have these, and a hang of theirs looks otherwise.")
		d.table([]string{"fault", "what", "with the fault", "in this hang"}, rows)
	}
}
