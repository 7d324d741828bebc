package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddc/internal/fault"
	"ddc/internal/kdl"
	"ddc/internal/suggest"
)

// System describes a system in which something hung: which mechanisms it has,
// and what was seen, measured and inferred. Its team writes it. See [Example].
type System struct {
	Name  string
	About string
	// RingCells is how many frames a ring holds, or 0 if nobody says.
	RingCells int64
	// Sequential says that a caller waits for each reply before its next call.
	Sequential bool
	Mechanisms map[fault.Mechanism]Answer
	Facts      []Fact
	Suspects   []Suspect
	Fixes      []Suspect
	Questions  []Question
	// Known is what is known about a fault from elsewhere, for example from a
	// reproduction.
	Known map[fault.Name]Note
}

// Answer says whether a system has a mechanism, and who says so.
type Answer struct {
	Yes    bool
	Source string
}

// Kind is how a fact is known.
type Kind string

// The kinds. What was seen and what was measured can rule a fault out. What was
// inferred cannot: the other two confirm or contradict it.
const (
	Seen     Kind = "seen"     // it is in the report of the hang
	Measured Kind = "measured" // it was found later, in a reproduction
	Inferred Kind = "inferred" // somebody concluded it
	follows  Kind = "follows"  // it follows from the size of the rings and the way of calling
)

// Fact is one observation of a hang.
type Fact struct {
	Kind        Kind
	Observation fault.Observation
	Value       string
	// Count is how often it was found, or 0 if nobody says.
	Count int64
	// From says what an inferred fact was concluded from.
	From   string
	Source string
}

// Suspect is a cause that the report suspects, or an earlier fix, with the
// faults that stand for it.
type Suspect struct {
	Text   string
	Faults []fault.Name
	Note   Note
}

// Question is a question of the report, and the mechanisms that decide it.
type Question struct {
	Text string
	// Of are the mechanisms. If the system has none of them, None is the
	// answer; if it has any, Some is.
	Of         []fault.Mechanism
	None, Some string
}

// Note is a sentence and who says so.
type Note struct{ Text, Source string }

// maxSystem bounds the file of a description.
const maxSystem = 1 << 20

// ReadSystem reads a description. Its errors name file and line.
func ReadSystem(path string) (*System, error) {
	content, err := readFile(path, maxSystem)
	if err != nil {
		return nil, err
	}
	return ParseSystem(path, string(content))
}

// ParseSystem reads the text of a description; file is its name in errors.
func ParseSystem(file, text string) (*System, error) {
	system, err := kdl.Parse(file, text)
	if err != nil {
		return nil, err
	}
	if len(system) != 1 || system[0].Name != "system" {
		line := 1
		if len(system) > 0 {
			line = system[len(system)-1].Line
		}
		return nil, fmt.Errorf("%s:%d: a description is one node: system NAME { ... }", file, line)
	}
	r := &systemReader{file: file, System: &System{Mechanisms: map[fault.Mechanism]Answer{}, Known: map[fault.Name]Note{}}}
	r.Name = r.text(system[0], 0, "the system's name")
	children := system[0].Children
	if len(children) > maxNodes {
		return nil, fmt.Errorf("%s:%d: a system has at most %d nodes, and this one %d", file, children[maxNodes].Line, maxNodes, len(children))
	}
	for _, n := range children {
		if r.fits(n) {
			r.node(n)
		}
	}
	return r.System, errors.Join(r.errs...)
}

// maxErrors is how many errors of one file are reported.
const maxErrors = 20

type systemReader struct {
	*System
	file string
	errs []error
}

func (r *systemReader) fail(line int, format string, a ...any) {
	if len(r.errs) < maxErrors {
		r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.file, line, fmt.Sprintf(format, a...)))
	}
}

const (
	// maxNodes and maxArguments bound a description, and so the cost of a
	// verdict on it.
	maxNodes     = 1000
	maxArguments = 32
)

// nodes are the nodes of a system, with how many arguments and which properties
// each has.
var nodes = []struct {
	name       string
	arguments  int
	properties []string
}{
	{"about", 1, nil},
	{"ring-cells", 1, nil},
	{"callers", 1, nil},
	{"mechanism", 2, []string{"source"}},
	{"seen", 2, []string{"source", "count"}},
	{"measured", 2, []string{"source", "count"}},
	{"inferred", 2, []string{"source", "from"}},
	{"suspect", maxArguments, []string{"note", "source"}},
	{"fix", maxArguments, []string{"note", "source"}},
	{"question", maxArguments, []string{"none", "some"}},
	{"known", 2, []string{"source"}},
}

// fits says whether a node may stand in a system, with what it has.
func (r *systemReader) fits(n *kdl.Node) bool {
	before := len(r.errs)
	var names []string
	for _, k := range nodes {
		names = append(names, k.name)
		if k.name != n.Name {
			continue
		}
		if len(n.Args) > k.arguments {
			r.fail(n.Args[k.arguments].Line, "%s takes %d arguments at most, and has %d", n.Name, k.arguments, len(n.Args))
		}
		for _, p := range n.Props {
			if !slices.Contains(k.properties, p.Key) {
				r.fail(p.Value.Line, "%s has no property %q%s", n.Name, p.Key, near(p.Key, k.properties))
			}
		}
		if len(n.Children) > 0 {
			r.fail(n.Children[0].Line, "%s has no children", n.Name)
		}
		return len(r.errs) == before
	}
	r.fail(n.Line, "unknown node %q%s: a system has %s", n.Name, near(n.Name, names), strings.Join(names, ", "))
	return false
}

func (r *systemReader) node(n *kdl.Node) {
	switch n.Name {
	case "about":
		r.About = r.text(n, 0, "a sentence")
	case "ring-cells":
		if v := r.argument(n, 0); v != nil {
			cells, ok := v.Any.(int64)
			if !ok || cells < 1 {
				r.fail(v.Line, "ring-cells takes a number from 1, not %v", v.Any)
			}
			r.RingCells = cells
		}
	case "callers":
		r.Sequential = r.oneOf(n, 0, "callers", []string{"sequential", "concurrent"}) == "sequential"
	case "mechanism":
		r.mechanism(n)
	case "seen", "measured", "inferred":
		r.fact(n)
	case "suspect":
		r.Suspects = append(r.Suspects, r.suspect(n))
	case "fix":
		r.Fixes = append(r.Fixes, r.suspect(n))
	case "question":
		r.question(n)
	case "known":
		if name := r.fault(n, 0); name != "" {
			r.Known[name] = Note{r.text(n, 1, "what is known of it"), r.source(n)}
		}
	}
}

func (r *systemReader) mechanism(n *kdl.Node) {
	name := fault.Mechanism(r.oneOf(n, 0, "mechanism", mechanismNames()))
	v := r.argument(n, 1)
	if v == nil || name == "" {
		return
	}
	yes, ok := v.Any.(bool)
	if !ok {
		r.fail(v.Line, "mechanism %q takes #true or #false, not %v", name, v.Any)
	}
	if _, twice := r.Mechanisms[name]; twice {
		r.fail(n.Line, "mechanism %q stands here twice", name)
	}
	r.Mechanisms[name] = Answer{yes, r.source(n)}
}

func (r *systemReader) fact(n *kdl.Node) {
	f := Fact{Kind: Kind(n.Name), Observation: fault.Observation(r.oneOf(n, 0, "observation", observationNames()))}
	if f.Observation == "" {
		return
	}
	f.Value = r.oneOf(n, 1, string(f.Observation), observation(f.Observation).Values)
	f.Source, f.From = r.source(n), r.property(n, "from")
	if v, ok := n.Prop("count"); ok {
		if f.Count, ok = v.Any.(int64); !ok || f.Count < 1 {
			r.fail(v.Line, "count takes a number from 1, not %v", v.Any)
		}
	}
	r.Facts = append(r.Facts, f)
}

func (r *systemReader) suspect(n *kdl.Node) Suspect {
	s := Suspect{Text: r.text(n, 0, "what is suspected")}
	for i := 1; i < len(n.Args); i++ {
		if name := r.fault(n, i); name != "" {
			s.Faults = append(s.Faults, name)
		}
	}
	if len(n.Args) == 1 {
		r.fail(n.Line, "%s %q names no fault that stands for it", n.Name, s.Text)
	}
	s.Note = Note{r.property(n, "note"), r.property(n, "source")}
	return s
}

func (r *systemReader) question(n *kdl.Node) {
	q := Question{Text: r.text(n, 0, "the question")}
	for i := 1; i < len(n.Args); i++ {
		q.Of = append(q.Of, fault.Mechanism(r.oneOf(n, i, "mechanism", mechanismNames())))
	}
	if q.None, q.Some = r.property(n, "none"), r.property(n, "some"); len(q.Of) == 0 || q.None == "" || q.Some == "" {
		r.fail(n.Line, "question %q takes mechanisms, and none=ANSWER and some=ANSWER: what holds if the system has none of them, and if it has one", q.Text)
	}
	r.Questions = append(r.Questions, q)
}

// argument is one of a node's, nil after an error.
func (r *systemReader) argument(n *kdl.Node, i int) *kdl.Value {
	if i >= len(n.Args) {
		r.fail(n.Line, "%s takes %d arguments or more, and has %d", n.Name, i+1, len(n.Args))
		return nil
	}
	return &n.Args[i]
}

func (r *systemReader) text(n *kdl.Node, i int, what string) string {
	v := r.argument(n, i)
	if v == nil {
		return ""
	}
	text, ok := v.Any.(string)
	if !ok {
		r.fail(v.Line, "%s takes %s in quotes, not %v", n.Name, what, v.Any)
	}
	return text
}

// oneOf reads a word that must be one of several. A word after an error is "".
func (r *systemReader) oneOf(n *kdl.Node, i int, what string, words []string) string {
	v := r.argument(n, i)
	if v == nil {
		return ""
	}
	word, _ := v.Any.(string)
	if !slices.Contains(words, word) {
		r.fail(v.Line, "%s %q is unknown%s: choose one of %s", what, fmt.Sprint(v.Any), near(word, words), strings.Join(words, ", "))
		return ""
	}
	return word
}

func (r *systemReader) fault(n *kdl.Node, i int) fault.Name {
	var names []string
	for _, name := range fault.Known() {
		names = append(names, string(name))
	}
	return fault.Name(r.oneOf(n, i, "fault", names))
}

func (r *systemReader) property(n *kdl.Node, key string) string {
	v, ok := n.Prop(key)
	if !ok {
		return ""
	}
	text, ok := v.Any.(string)
	if !ok {
		r.fail(v.Line, "%s takes a text in quotes, not %v", key, v.Any)
	}
	return text
}

// source is who says so. A reader cannot check a line without a source.
func (r *systemReader) source(n *kdl.Node) string {
	text := r.property(n, "source")
	if text == "" {
		r.fail(n.Line, "%s has no source=\"...\": say where it can be checked", n.Name)
	}
	return text
}

func near(word string, words []string) string {
	if meant := suggest.Nearest(word, words); meant != "" {
		return fmt.Sprintf(" (did you mean %s?)", meant)
	}
	return ""
}

func mechanismNames() (names []string) {
	for _, m := range fault.Mechanisms() {
		names = append(names, string(m.Name))
	}
	return names
}

func observationNames() (names []string) {
	for _, o := range fault.Observations() {
		names = append(names, string(o.Name))
	}
	return names
}

func observation(name fault.Observation) fault.ObservationEntry {
	for _, o := range fault.Observations() {
		if o.Name == name {
			return o
		}
	}
	return fault.ObservationEntry{}
}

func mechanism(name fault.Mechanism) fault.MechanismEntry {
	for _, m := range fault.Mechanisms() {
		if m.Name == name {
			return m
		}
	}
	return fault.MechanismEntry{}
}
