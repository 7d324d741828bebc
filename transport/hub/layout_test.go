package hub

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/wake"
)

// offsets lists the named fields of a page: "Name@offset".
func offsets[T any]() []string {
	var all []string
	page := reflect.TypeFor[T]()
	for i := range page.NumField() {
		if f := page.Field(i); f.Name != "_" {
			all = append(all, fmt.Sprintf("%s@%d", f.Name, f.Offset))
		}
	}
	return all
}

// docs/PROTOCOL.md describes these pages to other languages. A change to them
// raises layoutVersion.
func TestOffsetsOfTheSharedPagesStay(t *testing.T) {
	assert.Equal(t, []string{"Magic@0", "Version@8", "Peers@12", "Hash@16", "Cells@24", "Classes@28", "Class@32", "Events@128", "Tracing@132", "SlotWaiters@256", "Gate@384"}, offsets[header]())
	assert.Equal(t, []string{"Incarnation@0", "Attached@4", "Strategy@8", "Signals@128", "Closed@384", "Gate@640", "CallerGate@768", "Bells@896", "Rings@1664", "Notes@2432"}, offsets[linkPage]())
	assert.Equal(t, []string{"Seq@0", "Left@4", "Sent@8", "Suppressed@16", "Sleeping@128", "Parked@132", "Taken@136", "Received@144", "Spurious@152"}, offsets[wake.Words]())
	assert.Equal(t, []string{"Produced@0", "Consumed@128", "Starved@256"}, offsets[ring.Page]())
	assert.Equal(t, []string{"Name@0", "PIDs@32", "Objects@40", "Handlers@88", "Ends@128", "Waits@384", "Events@640", "Calls@896"}, offsets[notePage]())
	assert.Equal(t, notePageSize, int(reflect.TypeFor[notePage]().Size()))
	assert.Equal(t, linkPageSize, int(reflect.TypeFor[linkPage]().Size()))
	assert.Equal(t, wake.WordsSize, int(reflect.TypeFor[wake.Words]().Size()))
	assert.Equal(t, ring.PageSize, int(reflect.TypeFor[ring.Page]().Size()))
	assert.LessOrEqual(t, int(reflect.TypeFor[header]().Size()), headerSize)
}

func TestLayoutHashChangesWithEveryNumberBothSidesMustAgreeOn(t *testing.T) {
	base := layout{peers: 4, cells: 8, events: 16, classes: slot.DefaultClasses(8)}
	more := func(change func(*layout)) uint64 {
		l := base
		l.classes = append([]slot.Class(nil), base.classes...)
		change(&l)
		return l.hash()
	}
	seen := map[uint64]bool{base.hash(): true}
	for _, changed := range []uint64{
		more(func(l *layout) { l.peers++ }),
		more(func(l *layout) { l.cells *= 2 }),
		more(func(l *layout) { l.events *= 2 }),
		more(func(l *layout) { l.classes[0].Size *= 2 }),
		more(func(l *layout) { l.classes[1].Count++ }),
		more(func(l *layout) { l.classes[0].Reserve++ }),
		more(func(l *layout) { l.classes = l.classes[:4] }),
	} {
		assert.False(t, seen[changed])
		seen[changed] = true
	}
}

// What the peer before has left in the words of a place is not the next one's.
func TestOfferedPlaceHasNothingOfThePeerBefore(t *testing.T) {
	page := new(linkPage)
	for i := range page.Bells {
		for _, word := range []*shm.Word32{&page.Bells[i].Sleeping, &page.Bells[i].Parked} {
			word.Store(1)
		}
		for _, counter := range []*shm.Word64{&page.Bells[i].Sent, &page.Bells[i].Suppressed, &page.Bells[i].Received, &page.Bells[i].Spurious} {
			counter.Store(7)
		}
	}
	page.offer("futex")
	for i := range page.Bells {
		state := page.Bells[i].State()
		state.Seq = 0 // it only ever rises
		assert.Equal(t, wake.State{}, state, "bell %d", i)
	}
}

// wake/futex alone keeps its tokens in words that can be looked at.
func TestTokensAreSeenWhereWordsHaveThem(t *testing.T) {
	var words wake.Words
	words.Left.Store(1)
	assert.Equal(t, BellState{State: words.State(), Token: true}, readBell(&words, "futex"))
	assert.Equal(t, BellState{State: words.State(), Blind: true}, readBell(&words, "eventfd"))
}
