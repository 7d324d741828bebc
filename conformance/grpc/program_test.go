package grpc_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	programs    = flag.Int("programs", 0, "how many random programs to run over each connection; 0 is a few")
	programSeed = flag.Uint64("programs.seed", 0, "the first program's seed; 0 is the same as always")
)

// program is one call: how it is made, and what its two ends do, one step after
// the other. A step waits for those before it, so that what it sees is
// determined, and grpc-go says what is right.
type program struct {
	seed   uint64
	method kind
	as     kind // how the client calls it
	// What the client may send and receive, in bytes; 0 is anything.
	maxSend, maxReceive int
	request             int // of metadatas
	late                bool
	steps               []step
}

// kind is a kind of call.
type kind struct {
	name                         string
	clientStreams, serverStreams bool
	unary                        bool // the method is one of ServiceDesc.Methods, or the call is an Invoke
}

var kinds = []kind{
	{name: "Unary", unary: true},
	{name: "Count", serverStreams: true},
	{name: "Sum", clientStreams: true},
	{name: "Chat", clientStreams: true, serverStreams: true},
}

// end is one of the two.
type end int

const (
	client end = iota
	handler
)

func (e end) String() string { return [...]string{"client", "handler"}[e] }

// step is what an end does next.
type step struct {
	who  end
	what string
	n    int // bytes, or which of a table
}

func (s step) String() string { return fmt.Sprintf("%s %s %d", s.who, s.what, s.n) }

func (p program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s called as %s, at most %d out and %d in, metadata %d, late %t\n", p.seed, p.method.name, p.as.name, p.maxSend, p.maxReceive, p.request, p.late)
	for i, s := range p.steps {
		fmt.Fprintf(&b, "%3d %v\n", i, s)
	}
	return b.String()
}

// The tables that steps choose from.

// atMost is the largest message that the server sends or receives.
const atMost = 200_000

// sizes are those of messages. Some are around a limit of somebody's.
var sizes = []int{0, 3, 100, 128, 129, 1000, 1001, 4000, 17_000, atMost, atMost + 1}

// verbs are what the two ends can do. Some are listed more than once, to come
// more often.
var verbs = map[end][]string{
	client: {
		"send", "send", "send", "send", "close", "receive", "receive", "receive", "receive", "header", "trailer", "context", "cancel",
		"send no message", "receive into no message", "send until it fails",
	},
	handler: {
		"send", "send", "send", "receive", "receive", "receive", "set header", "send header", "set trailer", "context", "context's end",
		"send no message", "receive into no message", "return",
	},
}

// random makes a program whose outcome is no matter of luck.
func random(seed uint64) program {
	r := rand.New(rand.NewPCG(seed, 0))
	p := program{seed: seed, method: kinds[r.IntN(len(kinds))], request: r.IntN(len(metadatas)), late: r.IntN(4) == 0}
	p.as = p.method
	if r.IntN(4) == 0 {
		p.as = kinds[r.IntN(len(kinds))]
	}
	if r.IntN(4) == 0 {
		p.maxSend = 1000
	}
	if r.IntN(4) == 0 {
		p.maxReceive = 1000
	}
	m := newModel(p)
	for range 1 + r.IntN(25) {
		for range 20 { // till one is allowed
			who := end(r.IntN(2))
			s := step{who: who, what: verbs[who][r.IntN(len(verbs[who]))]}
			switch s.what {
			case "send":
				s.n = sizes[r.IntN(len(sizes))]
			case "return":
				s.n = r.IntN(len(returns))
				if r.IntN(2) == 0 {
					s.n = 0
				}
			case "set header", "send header", "set trailer":
				s.n = r.IntN(len(metadatas))
			}
			if s.what == "return" && r.IntN(3) > 0 || !m.allows(s) {
				continue
			}
			m.begin(s)
			p.steps = append(p.steps, s)
			break
		}
	}
	return p.whole()
}

// whole is p without the steps that cannot be, and with those that end the
// call.
func (p program) whole() program {
	m := newModel(p)
	steps := p.steps
	p.steps = nil
	for _, s := range steps {
		if m.allows(s) {
			m.begin(s)
			p.steps = append(p.steps, s)
		}
	}
	for range 1000 {
		s, more := m.windUp()
		if !more {
			return p
		}
		if !m.allows(s) {
			panic(fmt.Sprintf("%v cannot end this call:\n%v", s, p))
		}
		m.begin(s)
		p.steps = append(p.steps, s)
	}
	panic("this call has no end:\n" + p.String())
}

// shrunk is a shorter program that still fails.
func (p program) shrunk(fails func(program) bool) program {
	for again := true; again; {
		again = false
		for i := len(p.steps) - 1; i >= 0; i-- {
			if i >= len(p.steps) {
				continue
			}
			less := p
			less.steps = slices.Delete(slices.Clone(p.steps), i, i+1)
			if less = less.whole(); len(less.steps) < len(p.steps) && fails(less) {
				p, again = less, true
			}
		}
	}
	return p
}

// What a call does must be what it does over grpc-go, whatever its two ends do.
// A program whose outcome is a race there is none that random makes. With
// -programs there are as many as are asked for.
func TestRandomProgramsDoWhatTheyDoOverGRPC(t *testing.T) {
	count, first := 300, uint64(1)
	if testing.Short() {
		count = 60
	}
	if *programs > 0 {
		count = *programs
	}
	if *programSeed > 0 {
		first = *programSeed
	}
	var runners []*runner
	for _, c := range carriers() {
		runners = append(runners, newRunner(t, c))
	}
	const enough = 5
	failures := 0
	for seed := first; seed < first+uint64(count) && failures < enough; seed++ {
		p := random(seed)
		where, want, got := differ(t, runners, p)
		if where == "" {
			continue
		}
		failures++
		if !strings.Contains(strings.Join(got, " "), hung) { // which takes too long to shrink
			p = p.shrunk(func(p program) bool {
				less, wanted, seen := differ(t, runners, p)
				if less != "" {
					where, want, got = less, wanted, seen
				}
				return less != ""
			})
		}
		t.Errorf("over %s it is not what it is over grpc-go:\n%v%s", where, p, side(want, got))
	}
}

// differ says where p does what it never does over the first runner's
// connection.
func differ(t *testing.T, runners []*runner, p program) (where string, want, got []string) {
	want = runners[0].run(t, p)
	for _, r := range runners[1:] {
		if got = r.run(t, p); slices.Equal(want, got) {
			continue
		}
		// Programs should have no races, but to be sure:
		same := false
		for i := 0; i < 10 && !same; i++ {
			same = slices.Equal(runners[0].run(t, p), got)
		}
		if !same {
			return r.name, want, got
		}
		t.Logf("over grpc-go itself this is a race, which programs should not have:\n%v%s", p, side(want, got))
	}
	return "", nil, nil
}

// side shows two outcomes side by side.
func side(want, got []string) string {
	var b strings.Builder
	for i := range max(len(want), len(got)) {
		line := func(of []string) string {
			if i < len(of) {
				return of[i]
			}
			return ""
		}
		mark := " "
		if line(want) != line(got) {
			mark = "!"
		}
		fmt.Fprintf(&b, "%s %3d  %-70s %s\n", mark, i, line(want), line(got))
	}
	return b.String()
}
