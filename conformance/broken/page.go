package broken

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ddc/conformance/scenario"
	"ddc/internal/fault"
	"ddc/wake/strategy"
)

// Rate says how often stress found a fault whose window was not widened. A run
// is one program of the table, on one strategy.
type Rate struct {
	Fault   fault.Name
	Program string
	Runs    int // over all strategies on which the fault can bite
	Found   int // those with the verdict of the table
	Rounds  int // of each run
}

// Measured is a set of rates, and what a reader needs to understand them.
type Measured struct {
	Command, Machine string
	Rates            []Rate
}

// Narrow are the catches whose rate is measured: the first of each fault whose
// harm needs somebody to come between two steps. An error that is reported is
// not what such a window hides.
func Narrow() []Catch {
	var narrow []Catch
	for _, c := range Table() {
		e, _ := fault.ByName(string(c.Fault))
		listed := slices.ContainsFunc(narrow, func(other Catch) bool { return other.Fault == c.Fault })
		if e.Window != "" && c.Says == "" && !listed {
			narrow = append(narrow, c)
		}
	}
	return narrow
}

//go:embed rates.json
var rates []byte

// Rates are the rates of the recorded run.
func Rates() (Measured, error) {
	var m Measured
	if err := json.Unmarshal(rates, &m); err != nil {
		return m, fmt.Errorf("read the rates on record: %w", err)
	}
	return m, nil
}

// Page is docs/FAULTS.md: the catalogue, the table and the rates.
func Page() (string, error) {
	measured, err := Rates()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	p := printing(func(format string, args ...any) { fmt.Fprintf(&b, format, args...) })
	p("# Faults\n\n")
	p("Made by `make faults` from `internal/fault` (what each fault is), `conformance/broken` (what catches it) and a measurement.\n\n")
	p("A fault is a deliberate defect of the wake protocol, or of the calls above it, compiled in with the tag `ddcfault` only. Each is there\n")
	p("because a real system had it, or because the report of the hang suspects it. The suite is tested by them: on every strategy where a fault can bite, a\n")
	p("program of the suite must find it, with real wakers and, where it is about processes, real processes; where a strategy is immune,\n")
	p("nothing may be reported. `DDC_FAULT=NAME` turns one on in a program built with the tag; `ddc wake matrix` runs them all.\n\n")

	p.bites()
	p.suspicions()
	p.rules()
	p.rates(measured)
	p("\n## Each fault\n")
	for _, e := range fault.Catalogue() {
		p.fault(e)
		p.catches(e)
	}
	return b.String(), nil
}

// printing adds to a page.
type printing func(format string, args ...any)

// bites is a table of the strategies on which each fault bites.
func (p printing) bites() {
	columns := strategy.Names()
	p("## Which fault bites where\n\n")
	p("**caught**: the suite finds it. **event loop**: it bites where the strategy sleeps through edge-triggered epoll with a flag of readiness,\n")
	p("as tokio's AsyncFd does (`%s` and so on), and is caught there; the strategy as it is, is immune. –: immune.\n\n", "eventfd"+fault.EpollSuffix)
	p("| fault | rule | %s | shows as |\n|---|---|%s---|\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, e := range fault.Catalogue() {
		p("| [%s](#%s) | %d |", e.Name, e.Name, e.Rule)
		for _, s := range columns {
			p(" %s |", where(e, s))
		}
		p(" %s |\n", kinds(e.Shows))
	}
}

// suspicions is a table of what the report of the hang suspected.
func (p printing) suspicions() {
	p("\n## What the report suspected\n\n| suspicion | faults |\n|---|---|\n")
	for _, s := range fault.Suspicions() {
		var names []string
		for _, e := range fault.Catalogue() {
			if e.Stands == s {
				names = append(names, string(e.Name))
			}
		}
		p("| %s | %s |\n", s, strings.Join(names, ", "))
	}
}

// rules is a table of what breaks each rule, and of what catches that.
func (p printing) rules() {
	p("\n## What breaks each rule, and what catches it\n\n| rule | broken by | caught by |\n|---|---|---|\n")
	for rule := range rules {
		broken, caught := breakers(rule)
		if len(broken) == 0 {
			continue
		}
		p("| %s | %s | %s |\n", scenario.Rule(rule), strings.Join(broken, ", "), strings.Join(caught, ", "))
	}
}

// rates is a table of how seldom stress finds what it finds.
func (p printing) rates(measured Measured) {
	p("\n## How seldom stress finds them\n\n")
	p("Faults whose harm needs somebody to come between two steps, with nothing done to widen that window: how many runs of the suite's\n")
	p("own programs found it. `%s`, %s. A green stress run is next to no evidence; that is what the\nmodel checker is for.\n\n", measured.Command, measured.Machine)
	p("| fault | program | rounds of a run | found |\n|---|---|---:|---:|\n")
	for _, r := range measured.Rates {
		p("| %s | `%s` | %d | %d of %d runs |\n", r.Fault, r.Program, r.Rounds, r.Found, r.Runs)
	}
}

// fault says what a fault is.
func (p printing) fault(e fault.Entry) {
	p("\n### %s\n\n", e.Name)
	p("Breaks %s", scenario.Rule(e.Rule))
	if e.Also != 0 {
		p("; and %s", scenario.Rule(e.Also))
	}
	p(".\n\n")
	p("- **What is wrong**: %s.\n", e.Defect)
	p("- **Seen**: %s.\n", e.Seen)
	if e.Stands != "" {
		p("- **Stands for** %s.\n", e.Stands)
	}
	p("- **Bites on** %s.", strings.Join(e.On, ", "))
	if e.Immune != "" {
		p(" The others are immune: %s.", e.Immune)
	}
	if e.Inproc {
		p(" Within one process too, where nothing is woken.")
	}
	p("\n")
	if e.Window != "" {
		p("- **Needs**: %s.\n", e.Window)
	}
}

// catches says what catches a fault, and how that shows.
func (p printing) catches(e fault.Entry) {
	for _, c := range Table() {
		if c.Fault != e.Name {
			continue
		}
		how := "a sleeper that nothing will wake"
		switch {
		case c.Token:
			how = "a sleeper that a token does not wake"
		case c.Any:
			how = "frames that are lost, doubled or out of order, or a link that ends"
		case c.Says != "":
			how = fmt.Sprintf("an error that says %q", c.Says)
		}
		only := ""
		if c.Only != nil {
			only = " on " + strings.Join(c.Only, ", ")
		}
		p("- **Caught by** `%s`%s: %s.\n", c.Program, only, how)
	}
}

// rules is how many rules there are, with what a waker promises by itself. The
// fifteenth has no fault of its own: any that loses a frame in a slot breaks
// it.
const rules = 17

// breakers are the faults that break a rule, and the programs that catch them.
func breakers(rule int) (broken, caught []string) {
	for _, e := range fault.Catalogue() {
		if e.Rule != rule && (e.Also == 0 || e.Also != rule) {
			continue
		}
		broken = append(broken, string(e.Name))
		for _, c := range Table() {
			if program := "`" + c.Program + "`"; c.Fault == e.Name && !slices.Contains(caught, program) {
				caught = append(caught, program)
			}
		}
	}
	return broken, caught
}

// where is the text of a cell of the page's table.
func where(e fault.Entry, strategy string) string {
	switch {
	case !e.Bites(strategy) && slices.Contains(e.On, strategy+fault.EpollSuffix):
		return "event loop"
	case !e.Bites(strategy):
		return "–"
	}
	return "caught"
}

func kinds(list []fault.Kind) string {
	var words []string
	for _, k := range list {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}
