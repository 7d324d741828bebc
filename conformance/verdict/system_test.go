package verdict

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fault"
)

// brief is the description of the report's system.
func brief(t *testing.T) *System {
	t.Helper()
	s, err := ReadSystem("../../docs/systems/brief.kdl")
	require.NoError(t, err)
	return s
}

func TestTheTenOfTheFirstVerdictAreOutByDesign(t *testing.T) {
	s := brief(t)
	for _, n := range []fault.Name{
		fault.CheckBeforeAnnounce, fault.DrainAfterCheck, fault.PlainStore, fault.SuppressedDrained, fault.WrongPeerDoorbell,
		fault.EAGAINDropsToken, fault.ClearedReadiness, fault.LateRegistration, fault.FullThenRing, fault.FlagTakenRingFails,
	} {
		r := s.Rule(n)
		assert.Equal(t, OutByDesign, r.Standing, n)
		assert.NotEmpty(t, r.Lacks, n)
		assert.NotEmpty(t, s.Mechanisms[r.Lacks].Source, n)
	}
}

func TestTheCausesOfTheReproductionAreInAndTheHandlerFitsBest(t *testing.T) {
	found := causes(brief(t).Rulings())
	var titles []string
	for _, c := range found {
		titles = append(titles, c.Title)
	}
	assert.Equal(t, []string{"A handler that never ends", "A reply that cannot be sent is dropped", "Two senders on one producer index", "Every worker waits for ring space"}, titles)
	assert.Empty(t, found[0].Rulings[0].Strain)
	assert.ElementsMatch(t, []string{"two-producers", "two-producers+trusted-index", "stale-index", "stale-index+trusted-index"}, found[2].faults())
}

func TestAFaultThatWouldLookOtherwiseIsOutByEvidence(t *testing.T) {
	s := brief(t)
	for n, o := range map[fault.Name]fault.Observation{
		fault.HandlerOnPump: fault.PluginStack, // its thread would be in wait4
		fault.PumpSends:     fault.PluginStack,
		fault.MovedDoorbell: fault.Answered, // no call would have been answered
	} {
		r := s.Rule(n)
		assert.Equal(t, OutByEvidence, r.Standing, n)
		assert.Equal(t, o, r.Against.Observation, n)
	}
}

func TestNoChildOfThePluginRulesTheHandlerOut(t *testing.T) {
	s := brief(t)
	s.Facts = append(s.Facts, Fact{Kind: Seen, Observation: fault.Children, Value: "no"})
	r := s.Rule("handler-never-ends")
	assert.Equal(t, OutByEvidence, r.Standing)
	assert.Equal(t, fault.Children, r.Against.Observation)
}

func TestEveryFaultOfTheCatalogueHasItsPlaceAmongTheCauses(t *testing.T) {
	seen := map[fault.Name]bool{}
	for _, f := range families {
		for _, n := range f.faults {
			assert.False(t, seen[n], "%s is in two families", n)
			seen[n] = true
			assert.Contains(t, fault.Known(), n)
		}
	}
}

func TestWhatIsInferredRulesNothingOut(t *testing.T) {
	s := &System{Mechanisms: map[fault.Mechanism]Answer{}}
	s.Facts = []Fact{{Kind: Inferred, Observation: fault.RingWords, Value: "full"}}
	assert.Equal(t, In, s.Rule("handler-never-ends").Standing)
	s.Facts[0].Kind = Seen
	assert.Equal(t, OutByEvidence, s.Rule("handler-never-ends").Standing)
}

func TestMechanismThatNobodyMentionsRulesNothingOut(t *testing.T) {
	s := &System{Mechanisms: map[fault.Mechanism]Answer{}}
	r := s.Rule(fault.PlainStore)
	assert.Equal(t, In, r.Standing)
	assert.Equal(t, []fault.Mechanism{fault.Announcement}, r.Unsaid)
}

func TestTreeAsksForThePluginsChildrenFirst(t *testing.T) {
	var left []*Cause
	found := causes(brief(t).Rulings())
	for i := range found {
		left = append(left, &found[i])
	}
	root := grow(left, nil, treeDepth)
	require.NotNil(t, root)
	assert.Equal(t, fault.Children, root.ask.Name)
	require.Len(t, root.branches, 2)
	require.Len(t, root.branches[0].left, 1)
	assert.Equal(t, "A handler that never ends", root.branches[0].left[0].Title)
	assert.NotNil(t, root.branches[1].next)
	assert.Contains(t, root.String(), "ps --ppid PID")
	var deepest func(*tree) int
	deepest = func(t *tree) int {
		depth := 0
		for _, b := range t.branches {
			if b.next != nil {
				depth = max(depth, deepest(b.next))
			}
		}
		return depth + 1
	}
	assert.LessOrEqual(t, deepest(root), treeDepth)
}

func TestExampleCanBeReadAndNamesAllThatThereIs(t *testing.T) {
	s, err := ParseSystem("example.kdl", Example())
	require.NoError(t, err)
	assert.Empty(t, s.Mechanisms, "nothing is ruled out by an answer that nobody gave")
	s, err = ParseSystem("example.kdl", strings.ReplaceAll(Example(), "/-mechanism", "mechanism"))
	require.NoError(t, err)
	assert.Len(t, s.Mechanisms, len(fault.Mechanisms()))
	for _, o := range fault.Observations() {
		assert.Contains(t, Example(), string(o.Name))
	}
}

func TestWrongDescriptionIsToldWithFileAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"system a {\n mechanism \"anouncement\" #true source=\"x\"\n}":     `a.kdl:2: mechanism "anouncement" is unknown (did you mean announcement?)`,
		"system a {\n mechanism \"pieces\" 1 source=\"x\"\n}":              `a.kdl:2: mechanism "pieces" takes #true or #false, not 1`,
		"system a {\n mechanism \"pieces\" #true\n}":                       `a.kdl:2: mechanism has no source=`,
		"system a {\n seen \"rings\" \"empty\" source=\"x\"\n}":            `(did you mean ring?)`,
		"system a {\n seen \"ring\" \"emty\" source=\"x\"\n}":              `a.kdl:2: ring "emty" is unknown (did you mean empty?): choose one of empty, unread, full, inverted`,
		"system a {\n\n sen \"ring\" \"empty\"\n}":                         `a.kdl:3: unknown node "sen" (did you mean seen?)`,
		"system a {\n ring-cells 0\n}":                                     `a.kdl:2: ring-cells takes a number from 1, not 0`,
		"system a {\n callers \"sequentially\"\n}":                         `a.kdl:2: callers "sequentially" is unknown (did you mean sequential?)`,
		"system a {\n suspect \"It is broken\" \"plain-stor\"\n}":          `(did you mean plain-store?)`,
		"system a {\n suspect \"It is broken\"\n}":                         `names no fault`,
		"system a {\n question \"Why?\" \"pieces\"\n}":                     `none=ANSWER and some=ANSWER`,
		"system a {\n measured \"ring\" \"full\" count=-1 source=\"x\"\n}": `count takes a number from 1`,
		"system a {\n known \"plain-store\"\n}":                            `known takes 2 arguments`,
		"sistem a {\n}":                                                    `a.kdl:1: a description is one node`,
		"":                                                                 `a.kdl:1: a description is one node`,
		"system a {":                                                       `a.kdl:1:10: this { is never closed`,
		"system a {\n seen \"ring\" \"full\" \"empty\" source=\"x\"\n}":    `a.kdl:2: seen takes 2 arguments at most, and has 3`,
		"system a {\n seen \"ring\" \"full\" sorce=\"x\"\n}":               `a.kdl:2: seen has no property "sorce" (did you mean source?)`,
		"system a {\n about \"x\" {\n  seen \"ring\"\n }\n}":               `a.kdl:3: about has no children`,
		"system a {\n" + strings.Repeat("about \"x\"\n", maxNodes+1) + "}": `a.kdl:1002: a system has at most 1000 nodes, and this one 1001`,
		"system a {\n about 3\n}":                                          `a.kdl:2: about takes a sentence in quotes, not 3`,
		"system a {\n mechanism \"pieces\" #true source=\"x\"\n mechanism \"pieces\" #true source=\"x\"\n}": `a.kdl:3: mechanism "pieces" stands here twice`,
	} {
		_, err := ParseSystem("a.kdl", text)
		if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), want)
		}
	}
}

func TestErrorsOfADescriptionAreBounded(t *testing.T) {
	_, err := ParseSystem("a.kdl", "system a {\n"+strings.Repeat("nonsense\n", maxNodes)+"}")
	require.Error(t, err)
	assert.Equal(t, maxErrors, strings.Count(err.Error(), "\n")+1)

	path := filepath.Join(t.TempDir(), "large.kdl")
	require.NoError(t, os.WriteFile(path, make([]byte, maxSystem+1), 0o666))
	_, err = ReadSystem(path)
	assert.ErrorContains(t, err, "larger than")
}

func words(text string) int { return len(strings.Fields(text)) }

// verdictOn writes a verdict on a system.
func verdictOn(t *testing.T, s *System) (text, opening string) {
	t.Helper()
	text = markdown(t, Input{System: s})
	return text, strings.Split(text, "\n\n")[1]
}

func TestVerdictOnASystemOpensWithOneShortParagraph(t *testing.T) {
	example, err := ParseSystem("example.kdl", Example())
	require.NoError(t, err)
	decided, err := ParseSystem("example.kdl", strings.ReplaceAll(Example(), "/-mechanism", "mechanism"))
	require.NoError(t, err)
	for _, s := range []*System{brief(t), example, decided, {Name: "nothing"}} {
		_, opening := verdictOn(t, s)
		assert.LessOrEqual(t, words(opening), openingWords, opening)
		for _, n := range fault.Known() {
			assert.NotContains(t, opening, "`"+string(n)+"`")
		}
	}
	_, opening := verdictOn(t, brief(t))
	assert.Contains(t, opening, "Leave the doorbell alone")
	assert.Contains(t, opening, "31 cannot exist in this design, and 5 would look different")
	assert.Contains(t, opening, "a handler that never ends")
	assert.Contains(t, opening, "`ps --ppid PID")
	_, opening = verdictOn(t, example)
	assert.NotContains(t, opening, "Leave the doorbell alone", "nothing says so of that system")
}

// A reader meets no list of names before one fault is explained.
func TestFaultsAreExplainedBeforeTheyAreListed(t *testing.T) {
	text, _ := verdictOn(t, brief(t))
	before, _, found := strings.Cut(text, "\n### 1. A handler that never ends")
	require.True(t, found)
	named := 0
	for _, n := range fault.Known() {
		if strings.Contains(before, "`"+string(n)+"`") {
			named++
		}
	}
	assert.LessOrEqual(t, named, 2)
	for _, w := range glossary {
		assert.Contains(t, before, "**"+w[0]+"**")
	}
	assert.Len(t, glossary, 10)
}

func TestVerdictOnTheReportAnswersAllThatItAsks(t *testing.T) {
	text, _ := verdictOn(t, brief(t))
	assert.Equal(t, 4, strings.Count(text, "- **Suspect "))
	assert.Equal(t, 5, strings.Count(text, ".** Out by design. "), "four suspects, and the first fix")
	for _, want := range []string{
		"**1. Is the doorbell's byte written by the host when the ring is written?** Yes.",
		"**2. Is AsyncFd edge-triggered or level-triggered?** Edge-triggered, and here that does no harm",
		"**3. After a successful call, is the doorbell properly re-armed for the next wake?** Yes.",
		"**4. Is there a race in which the plugin drains the ring but misses the doorbell?** No.",
		"**contradicted; measured: empty, inverted**", // "the ring is full"
		"**contradicted; measured: none, all**",       // "the host waits for ring space"
		"Never with rings of 256 and calls one at a time",
		"**What would prove it:** Has the plugin whose call is outstanding a child process? Yes: `ps --ppid PID -o pid,etime,stat,args`.",
		"The same call each time: yes",
		"calls one at a time cannot fill a ring of 256",
		"It stopped with: limit",
	} {
		assert.Contains(t, text, want)
	}
}

func TestQuestionIsAnsweredByItsMechanisms(t *testing.T) {
	s := brief(t)
	s.Mechanisms[fault.Suppression] = Answer{Yes: true, Source: "a test"}
	text, _ := verdictOn(t, s)
	assert.Contains(t, text, "when the ring is written?** Not always. May a ring be left out")
	assert.Contains(t, text, "The ring is full before the doorbell's byte is written.** Out by evidence.")
	delete(s.Mechanisms, fault.Suppression)
	text, _ = verdictOn(t, s)
	assert.Contains(t, text, "when the ring is written?** The description does not say. It depends on this: May a ring be left out")
}

// The part of the page that no run changes is made of the present description.
func TestPageOfTheVerdictIsThatOfTheDescription(t *testing.T) {
	page, err := os.ReadFile("../../docs/VERDICT.md")
	require.NoError(t, err)
	text, opening := verdictOn(t, brief(t))
	const again = "docs/VERDICT.md is of another description: ddc wake verdict --system docs/systems/brief.kdl -o docs/VERDICT.md, or make verdict with all runs"
	assert.True(t, strings.Contains(string(page), opening), again)
	for section := range strings.SplitSeq(text, "\n## ") {
		heading, _, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(heading, "What was seen") && !strings.HasPrefix(heading, "How this was made") && !strings.HasPrefix(heading, "#") {
			assert.True(t, strings.Contains(string(page), strings.TrimSpace(section)), "%s: %s", again, heading)
		}
	}
}

func FuzzDescription(f *testing.F) {
	text, err := os.ReadFile("../../docs/systems/brief.kdl")
	require.NoError(f, err)
	f.Add(string(text))
	f.Add(Example())
	f.Add(`system "" { mechanism "pieces" #true source="" ; suspect "" "plain-store" }`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSystem("a.kdl", text)
		if err != nil {
			return
		}
		_, opening := verdictOn(t, s)
		assert.LessOrEqual(t, words(opening), openingWords)
	})
}
