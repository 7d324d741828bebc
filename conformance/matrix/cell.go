package matrix

import (
	"fmt"
	"time"
)

// Verdict is the outcome of a cell in a word.
type Verdict string

// The verdicts, from the worst to the best.
const (
	Hung    Verdict = "hung"    // somebody waits for ever
	Corrupt Verdict = "corrupt" // a reply, or the site, was not what it must be
	Failed  Verdict = "error"   // calls failed
	Slow    Verdict = "slow"    // all ended well, but sleepers lay there until something else woke them
	Immune  Verdict = "immune"  // nothing to see
)

// NoFault names the control row, Inproc the control column: all plugins in one
// process, where nobody is woken.
const (
	NoFault = "none"
	Inproc  = "inproc"
)

// Cell is one fault on one strategy.
type Cell struct {
	Fault    string `json:"fault"`
	Strategy string `json:"strategy"`
	// InARow says that the cell was only ten calls in a row.
	InARow bool `json:"in_a_row,omitempty"`
	Outcome
	// Again are more runs of a cell of the reported strategy that hung: chance
	// decides at which of the two ends a fault hits.
	Again []Outcome `json:"again,omitempty"`
	// Expected says what the catalogue expects, and Agrees whether the outcome
	// fits.
	Expected Expectation `json:"expected"`
	Agrees   bool        `json:"agrees"`
	Seconds  float64     `json:"seconds"`
}

// Expectation is what the catalogue says of a cell.
type Expectation struct {
	// Bites says that the fault can bite here. Then one of Shows must come, or
	// may come if the fault is Rare. Otherwise the cell must be immune, and
	// Reason says why.
	Bites  bool      `json:"bites"`
	Rare   bool      `json:"rare,omitempty"`
	Shows  []Verdict `json:"shows,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// Outcome is what a cell's host process reports of its run.
type Outcome struct {
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`
	// Stage of the workload in which it ended, "" for the whole of it.
	Stage string `json:"stage,omitempty"`
	// Answered counts the calls that were answered as they should be.
	Answered int `json:"answered"`
	// Plugin is the plugin at whose link the fault showed, and AnsweredByPlugin
	// how many calls it had answered.
	Plugin           string    `json:"plugin,omitempty"`
	AnsweredByPlugin int       `json:"answered_by_plugin,omitempty"`
	Evidence         *Evidence `json:"evidence,omitempty"`
	// Stalls counts sleepers that had work but no token, and were woken later.
	Stalls  Stalls    `json:"stalls"`
	Latency []Latency `json:"latency,omitempty"`
}

// Evidence is what could be seen in a cell at the moment it hung.
type Evidence struct {
	// Words are the dump of the link in words for people.
	Words []string `json:"words"`
	// Link is the evidence at the link: of the ring, the doorbell and the
	// sender in the direction that hangs.
	Link LinkEvidence `json:"link"`
	// HostWaits and PluginWaits count goroutines by what they wait for;
	// PluginWaits is nil where the plugin did not answer SIGUSR1.
	HostWaits   map[string]int `json:"host_waits"`
	PluginWaits map[string]int `json:"plugin_waits,omitempty"`
	// HostThreads and PluginThreads count threads by what they do in the
	// kernel.
	HostThreads   map[string]int `json:"host_threads"`
	PluginThreads map[string]int `json:"plugin_threads,omitempty"`
	// Inspect is what `ddc inspect` said of the links at which something was
	// wrong.
	Inspect []string `json:"inspect,omitempty"`
	// CPU is how much all threads of the cell used, or were ready to use, while
	// nothing moved, as a share of one processor.
	CPU float64 `json:"cpu"`
}

// LinkEvidence is a link in the direction in which it hangs.
type LinkEvidence struct {
	ToPlugin bool   `json:"to_plugin"`
	Unread   uint64 `json:"unread"`
	Cells    int    `json:"cells"`
	// SenderWaitsForSpace and SenderWaitsForSlot say what a sender in this
	// direction waits for.
	SenderWaitsForSpace bool `json:"sender_waits_for_space"`
	SenderWaitsForSlot  bool `json:"sender_waits_for_slot"`
	Asleep              bool `json:"asleep"`
	Token               bool `json:"token"`
	// Due means asleep with something to do. Without a token that is a lost
	// wake-up.
	Due bool `json:"due"`
	// Sent counts the tokens that were ever left for this side, Received its
	// returns from sleep, and Suppressed the rings that found it awake.
	Sent       uint64 `json:"tokens_left"`
	Received   uint64 `json:"wakeups"`
	Suppressed uint64 `json:"rings_suppressed"`
	// CallerForgotten says that a caller of the host sleeps in its pump's place
	// although its answer has come.
	CallerForgotten bool `json:"caller_forgotten,omitempty"`
}

// Stalls counts sleepers that had work but no token for at least [stallTime],
// and were woken in the end.
type Stalls struct {
	Count   int           `json:"count"`
	Longest time.Duration `json:"longest_ns"`
	Sum     time.Duration `json:"sum_ns"`
}

// String says it in a sentence.
func (s Stalls) String() string {
	return fmt.Sprintf("%d times a sleeper lay over work with no token, for %v at the longest, until something else woke it",
		s.Count, s.Longest.Round(time.Millisecond))
}

// Latency is how long the calls of one stage took.
type Latency struct {
	Stage string        `json:"stage"`
	Calls int           `json:"calls"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
	// Buckets count calls that took less than 2^i microseconds, and not less
	// than half.
	Buckets []int `json:"buckets"`
}
