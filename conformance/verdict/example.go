package verdict

import (
	"fmt"
	"strings"

	"ddc/internal/fault"
)

const exampleHead = `// A description of a system that hung, for: ddc wake verdict --system THIS-FILE
//
// Say what you know, and who says so. Leave out what you do not know: the
// verdict then says what it depends on. Keep what was seen apart from what was
// concluded. The language is KDL; // begins a comment, and /- leaves a node out.
system "our system" {
	about "One host and some plugins, over rings in shared memory."

	// How many frames a ring holds, and whether a caller waits for each reply
	// before its next call. Calls one at a time cannot fill a large ring.
	ring-cells 256
	callers "sequential" // or "concurrent"

	// The mechanisms: #true if the design has it. Without a mechanism its faults
	// cannot exist. Take away the /- before each line that you can answer.
`

const exampleFacts = `
	// What is in the report of the hang. A fault that cannot look so is out.
	seen "plugin-stack" "epoll_wait" source="stack traces of the report"
	seen "answered" "some" source="the log"

	// What was found later, in a reproduction; count is optional.
	measured "ring" "empty" count=3 source="index words of three hung runs"

	// What somebody concluded, and from what. It rules nothing out; the verdict
	// says whether what was seen and measured confirms it.
	inferred "hub-waiters" "one" from="a stack in futex_wait" source="the report"

	// What the report suspects, what was already mended, each with the faults
	// that stand for it, and what the report asks, with the mechanisms that decide it.
	suspect "The host rings the wrong doorbell" "wrong-peer-doorbell"
	fix "Handlers wait without blocking" "handler-on-pump" note="It hung all the same." source="the report"
	question "Is the doorbell rung after each frame?" "suppression" "unordered-ring" \
		none="Yes, always." some="Not always."

	// What is known of one fault.
	known "two-producers" "senders have taken turns since last year" source="the code"

	// All observations and their values:
`

// Example is a description with comments that can be read as it stands.
func Example() string {
	var b strings.Builder
	b.WriteString(exampleHead)
	for _, m := range fault.Mechanisms() {
		fmt.Fprintf(&b, "\n\t// %s\n\t/-mechanism %q #false source=\"who says so\"\n", m.Question, string(m.Name))
	}
	b.WriteString(exampleFacts)
	for _, o := range fault.Observations() {
		fmt.Fprintf(&b, "\t//   %-13s %s  %s\n", o.Name, o.Question, strings.Join(o.Values, ", "))
	}
	b.WriteString("}\n")
	return b.String()
}
