package verdict

import (
	"cmp"
	"fmt"
	"slices"

	"ddc/internal/fault"
)

// Standing is what a description says of a fault.
type Standing int

// The standings.
const (
	In            Standing = iota // it can be the cause
	OutByDesign                   // the design lacks a mechanism that it needs
	OutByEvidence                 // a hang of it looks otherwise
)

// String says it in words.
func (s Standing) String() string {
	return [...]string{In: "in", OutByDesign: "out by design", OutByEvidence: "out by evidence"}[s]
}

// Ruling is a fault's standing in one system, and why.
type Ruling struct {
	Fault    fault.Name
	Standing Standing
	// Lacks is the mechanism that the design does not have, if the fault is out
	// by design.
	Lacks fault.Mechanism
	// Against is what was seen or measured and contradicts the fault, if it is
	// out by evidence.
	Against Fact
	// Unsaid are the mechanisms that the fault needs and the description does
	// not mention.
	Unsaid []fault.Mechanism
	// Agree are the facts that are usual with the fault. Strain are those that
	// are possible but not usual.
	Agree, Strain []Fact
}

// fit is how well the fault agrees with what was seen. What was measured in a
// reproduction does not count, since it may be another hang.
func (r Ruling) fit() int {
	n := 0
	for _, f := range r.Agree {
		if f.Kind != Measured {
			n++
		}
	}
	for _, f := range r.Strain {
		if f.Kind != Measured {
			n--
		}
	}
	return n
}

// Rule rules on one fault: by the design first, then by what was seen, then by
// what was measured.
func (s *System) Rule(n fault.Name) Ruling {
	r := Ruling{Fault: n}
	for _, m := range n.Needs() {
		answer, said := s.Mechanisms[m]
		switch {
		case !said:
			r.Unsaid = append(r.Unsaid, m)
		case !answer.Yes:
			r.Standing, r.Lacks = OutByDesign, m
			return r
		}
	}
	signs := n.Signs()
	for _, f := range s.evidence() {
		look, says := signs[f.Observation]
		switch {
		case !says:
		case !look.Allows(f.Value):
			r.Standing, r.Against = OutByEvidence, f
			return r
		case slices.Contains(look.Usual, f.Value):
			r.Agree = append(r.Agree, f)
		default:
			r.Strain = append(r.Strain, f)
		}
	}
	for o, look := range signs {
		if facts := s.facts(Measured, o); len(facts) > 0 && !slices.ContainsFunc(facts, func(f Fact) bool { return look.Allows(f.Value) }) {
			r.Standing, r.Against = OutByEvidence, oftenest(facts)
		}
	}
	return r
}

// oftenest is the most frequent fact.
func oftenest(facts []Fact) Fact {
	return slices.MaxFunc(facts, func(a, b Fact) int { return cmp.Compare(a.Count, b.Count) })
}

// fewCells is the size of a ring that calls one at a time can fill: a call and
// its log are some frames.
const fewCells = 16

// evidence is what was seen, and what follows from how the system calls.
func (s *System) evidence() []Fact {
	var list []Fact
	for _, f := range s.Facts {
		if f.Kind == Seen {
			list = append(list, f)
		}
	}
	if s.Sequential && s.RingCells > fewCells {
		list = append(list, Fact{Kind: follows, Observation: fault.FullRing, Value: "no", Source: fmt.Sprintf("calls one at a time cannot fill a ring of %d", s.RingCells)})
	}
	return list
}

func (s *System) facts(kind Kind, o fault.Observation) (list []Fact) {
	for _, f := range s.Facts {
		if f.Kind == kind && f.Observation == o {
			list = append(list, f)
		}
	}
	return list
}

// Rulings rules on every fault that is known, in the catalogue's order.
func (s *System) Rulings() []Ruling {
	var all []Ruling
	for _, n := range fault.Known() {
		all = append(all, s.Rule(n))
	}
	return all
}

// found are the observed values of one observation, each once: seen and
// measured.
func (s *System) found(o fault.Observation) (values []string, facts []Fact) {
	for _, f := range s.Facts {
		if f.Observation == o && f.Kind != Inferred {
			facts = append(facts, f)
			if !slices.Contains(values, f.Value) {
				values = append(values, f.Value)
			}
		}
	}
	return values, facts
}
