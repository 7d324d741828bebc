package fault

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryFaultHasMechanismsAndSigns(t *testing.T) {
	for _, n := range Known() {
		assert.NotEmpty(t, n.Needs(), "%s: without which mechanism can it not exist?", n)
		assert.NotEmpty(t, n.Signs(), "%s: what does its hang look like?", n)
	}
	known := map[Name]bool{}
	for _, n := range Known() {
		assert.False(t, known[n], "%s twice", n)
		known[n] = true
	}
}

func TestEveryMechanismIsNeededAndHasAQuestion(t *testing.T) {
	needed := map[Mechanism]bool{}
	for _, n := range Known() {
		for _, m := range n.Needs() {
			needed[m] = true
		}
	}
	for _, e := range Mechanisms() {
		assert.True(t, needed[e.Name], "%s: no fault needs it", e.Name)
		assert.Regexp(t, `^[A-Z].*\?$`, e.Question, e.Name)
		assert.Regexp(t, `^[A-Z].*[a-z]$`, e.Without, e.Name)
		delete(needed, e.Name)
	}
	assert.Empty(t, needed, "mechanisms that nobody explains")
}

func TestEveryObservationIsASignOfSomeFaultAndTellsSomeApart(t *testing.T) {
	for _, o := range Observations() {
		require.NotEmpty(t, o.Values, o.Name)
		assert.NotEmpty(t, o.Command, o.Name)
		assert.NotEmpty(t, o.Short, o.Name)
		assert.Regexp(t, `^[A-Z].*\?$`, o.Question, o.Name)
		for _, value := range o.Values {
			usual := slices.ContainsFunc(Known(), func(n Name) bool { return slices.Contains(n.Signs()[o.Name].Usual, value) })
			assert.True(t, usual, "%s %s is no fault's sign", o.Name, value)
		}
	}
}

func TestSignsUseTheWordsOfTheirObservations(t *testing.T) {
	values := map[Observation][]string{}
	for _, o := range Observations() {
		values[o.Name] = o.Values
	}
	for _, n := range Known() {
		for o, look := range n.Signs() {
			require.Contains(t, values, o, n)
			for _, v := range slices.Concat(look.Usual, look.Possible) {
				assert.Contains(t, values[o], v, "%s: %s", n, o)
			}
		}
	}
}

func TestCompoundNeedsWhatItsPartsNeed(t *testing.T) {
	assert.Equal(t, []Mechanism{Announcement, ProcessWait, CallWithoutLimit}, Name("plain-store+handler-never-ends").Needs())
	// The nonsense is the other part's work.
	assert.NotContains(t, Name("two-producers+trusted-index").Needs(), NonsensePeer)
	assert.Contains(t, TrustedIndex.Needs(), NonsensePeer)
}
