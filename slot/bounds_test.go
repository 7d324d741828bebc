package slot

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/shm"
)

func TestClassesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, sound := range []Class{{64, 1, 0}, {128, 4, 2}, {64, 1 << 20, 0}} {
		assert.NoError(t, sound.check(2), "%+v", sound)
	}
	for _, bad := range []Class{
		{0, 1, 0}, {63, 1, 0}, {65, 1, 0}, {96, 1, 0}, {-64, 1, 0},
		{64, 0, 0}, {64, -1, 0}, {64, 1<<20 + 1, 0}, {64, 4, -1}, {64, 4, 3}, {64, 3, 2},
	} {
		assert.ErrorContains(t, bad.check(2), "makes no sense", "%+v", bad)
	}
	segment, err := shm.Create("slots", Size([]Class{{64, 4, 0}}))
	require.NoError(t, err)
	defer func() { require.NoError(t, segment.Close()) }()
	_, err = Open(segment, 0, []Class{{63, 4, 0}}, 1)
	require.ErrorContains(t, err, "makes no sense")
}

// What a pool needs of a segment it asks for, to the page.
func TestPoolFillsItsPartOfASegmentAndNoMore(t *testing.T) {
	classes := []Class{{64, 64, 0}, {4096, 65, 0}}
	require.Equal(t, 4096+4096+4096+(2*4096)+4096+65*4096, Size(classes))
	require.Equal(t, 513*4096+2*4096+513*4096, Size([]Class{{64, 513 * 64, 0}}), "513 words of hints")
	segment, err := shm.Create("slots", Size(classes))
	require.NoError(t, err)
	defer func() { require.NoError(t, segment.Close()) }()
	p, err := Open(segment, 0, classes, 1)
	require.NoError(t, err)
	assert.Equal(t, 4096, p.Largest())
	for _, offset := range []int{4096, Size(classes) - 4096, Size(classes)} {
		_, err = Open(segment, offset, classes, 1)
		assert.Error(t, err, "at %d the last class ends beyond the segment", offset)
	}
}

// A class's slots do not share a byte, with each other or with another class's.
func TestBytesOfSlotsDoNotOverlap(t *testing.T) {
	p := newPool(t, []Class{{64, 65, 0}, {128, 3, 0}}, 1)
	var refs []Ref
	for {
		ref, ok := p.Alloc(0, 1)
		if !ok {
			break
		}
		refs = append(refs, ref)
		bytes := p.Bytes(ref)
		assert.Equal(t, len(bytes), cap(bytes), "nothing is appended into a neighbour")
		for i := range bytes {
			bytes[i] = byte(len(refs))
		}
	}
	require.Len(t, refs, 68)
	for n, ref := range refs {
		for _, b := range p.Bytes(ref) {
			require.Equal(t, byte(n+1), b, "%v", ref)
		}
	}
}

func TestPayloadOfExactlyAClassFitsIt(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}, {128, 1, 0}}, 1)
	ref, ok := p.Alloc(0, 65)
	require.True(t, ok)
	assert.Len(t, p.Bytes(ref), 128)
	ref, ok = p.Alloc(0, 64)
	require.True(t, ok)
	assert.Len(t, p.Bytes(ref), 64)
	none, ok := p.Alloc(0, 129)
	assert.False(t, ok)
	assert.Zero(t, none)
	none, ok = p.AllocPiece(0, 64)
	assert.False(t, ok)
	assert.Zero(t, none)
}

func TestReferenceKeepsItsThreePartsApart(t *testing.T) {
	for _, generation := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
		for _, class := range []int{0, 1, 127, 255} {
			for _, index := range []int{0, 1, 63, 1<<20 - 1, 1<<24 - 1} {
				ref := newRef(generation, class, index)
				assert.Equal(t, generation, ref.generation())
				assert.Equal(t, class, ref.class())
				assert.Equal(t, index, ref.index())
			}
		}
	}
	assert.Equal(t, "class 2 slot 3 generation 1", newRef(1, 2, 3).String())
}

func TestWordKeepsItsThreePartsApart(t *testing.T) {
	for _, generation := range []uint32{0, 1, 1<<32 - 1} {
		for _, owner := range []int{0, 1, 255, 256, 1<<16 - 1} {
			for _, state := range []State{Free, Filling, Sent, Held, 255} {
				g, o, s := unpack(word(generation, owner, state))
				assert.Equal(t, []any{generation, owner, state}, []any{g, o, s})
			}
		}
	}
}

// The first index and class that there is none of are refused, by each step.
func TestReferenceJustOutOfRangeIsRefused(t *testing.T) {
	p := newPool(t, []Class{{64, 2, 0}}, 1)
	for _, ref := range []Ref{newRef(0, 1, 0), newRef(0, 0, 2), newRef(0, 255, 1<<24-1)} {
		assert.ErrorIs(t, p.Send(ref), ErrStale, "%v", ref)
		assert.ErrorIs(t, p.Accept(ref, 0), ErrStale, "%v", ref)
		assert.NotPanics(t, func() { p.Free(ref) })
	}
}

func TestStepsAreRefusedInEachStateButTheirOwn(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}}, 2)
	ref, ok := p.Alloc(1, 64)
	require.True(t, ok)
	older := newRef(ref.generation()-1, 0, 0)
	assert.ErrorIs(t, p.Send(older), ErrStale)
	require.NoError(t, p.Send(ref))
	assert.ErrorIs(t, p.Send(ref), ErrStale, "sent twice")
	assert.ErrorIs(t, p.Accept(older, 1), ErrStale)
	require.NoError(t, p.Accept(ref, 1))
	assert.ErrorIs(t, p.Send(ref), ErrStale, "held")
	p.Free(ref)
	assert.ErrorIs(t, p.Send(ref), ErrStale, "free")
	assert.ErrorContains(t, p.Send(ref), "of party 1, generation 1, in state 0")
}

// Each state that somebody can leave a slot in is one that Free ends.
func TestFreeEndsEachState(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}}, 1)
	for n := range 3 {
		ref, ok := p.Alloc(0, 64)
		require.True(t, ok)
		assert.EqualValues(t, n+1, ref.generation())
		if n > 0 {
			require.NoError(t, p.Send(ref))
		}
		if n > 1 {
			require.NoError(t, p.Accept(ref, 0))
		}
		p.Free(ref)
		assert.Zero(t, inUse(p))
		p.Free(ref)
	}
}

// Party 2 has slots 4 and 5 of the first class, nobody's begin with 6.
func TestReserveIsUsedLastAndIsThePartysOwn(t *testing.T) {
	p := newPool(t, []Class{{64, 7, 2}}, 3)
	var got []int
	for {
		ref, ok := p.Alloc(2, 64)
		if !ok {
			break
		}
		got = append(got, ref.index())
	}
	assert.Equal(t, []int{6, 4, 5}, got)
}

// While nobody races, a hint is set for each free slot that all share, and for
// no other: a bit cleared for another slot would hide that one.
func TestHintsFollowTheTruth(t *testing.T) {
	p := newPool(t, []Class{{64, 70, 2}}, 1)
	exact := func() {
		t.Helper()
		for index := range 128 {
			free := index >= 2 && index < 70
			if free {
				_, _, state := unpack(p.classes[0].slots[index].Load())
				free = state == Free
			}
			require.Equal(t, free, p.classes[0].free[index/64].Load()>>(index%64)&1 == 1, "slot %d", index)
		}
	}
	exact()
	var refs []Ref
	for {
		ref, ok := p.Alloc(0, 64)
		if !ok {
			break
		}
		refs = append(refs, ref)
		exact()
	}
	require.Len(t, refs, 70)
	for _, ref := range refs {
		p.Free(ref)
		exact()
	}
}

func TestUsageCountsByStateAndOwner(t *testing.T) {
	p := newPool(t, []Class{{64, 8, 1}, {128, 2, 0}}, 3)
	states(t, p)
	assert.Equal(t, []Usage{{64, 8, 1, 2, 1}, {128, 2, 1, 0, 0}}, p.Usage(-1))
	assert.Equal(t, []Usage{{64, 8, 1, 1, 0}, {128, 2, 0, 0, 0}}, p.Usage(0))
	assert.Equal(t, []Usage{{64, 8, 0, 1, 1}, {128, 2, 1, 0, 0}}, p.Usage(2))
	assert.Equal(t, []Usage{{64, 8, 0, 0, 0}, {128, 2, 0, 0, 0}}, p.Usage(1))
}

// states leaves party 0 with one slot filling and one sent, party 2 with one
// sent, one held and a larger one filling.
func states(t *testing.T, p *Pool) {
	t.Helper()
	take := func(party, size, steps int) {
		ref, ok := p.Alloc(party, size)
		require.True(t, ok)
		if steps > 0 {
			require.NoError(t, p.Send(ref))
		}
		if steps > 1 {
			require.NoError(t, p.Accept(ref, party))
		}
	}
	take(0, 64, 0)
	take(0, 64, 1)
	take(2, 64, 1)
	take(2, 64, 2)
	take(2, 128, 0)
}

func TestCensusSaysWhoHasWhat(t *testing.T) {
	p := newPool(t, []Class{{64, 8, 1}, {128, 2, 0}}, 3)
	assert.Equal(t, 5+2, p.Census().Free, "all but the reserves")
	states(t, p)
	ref, ok := p.take(0, 1) // the last that all share
	require.True(t, ok)
	require.Equal(t, 7, ref.index())
	_, ok = p.take(0, 1) // its own
	require.True(t, ok)
	c := p.Census()
	assert.Equal(t, 1, c.Free, "one large slot")
	assert.Equal(t, []Share{{2, 128, 1}, {2, 128, 0}, {3, 256, 1}}, c.Parties)
	assert.Equal(t, p.Usage(-1), c.Classes)

	p.classes[1].slots[1].Store(word(1, 3, Held)) // an owner that there is none of
	assert.NotPanics(t, func() { c = p.Census() })
	assert.Equal(t, 0, c.Free)
	assert.Equal(t, []Share{{2, 128, 1}, {2, 128, 0}, {3, 256, 1}}, c.Parties)
}

func TestReclaimTakesTheStatesItIsToldAndCounts(t *testing.T) {
	p := newPool(t, []Class{{64, 8, 1}, {128, 2, 0}}, 3)
	states(t, p)
	assert.Equal(t, 0, p.Reclaim(1, Filling, Sent, Held))
	assert.Equal(t, 1, p.Reclaim(2, Held))
	assert.Equal(t, []Usage{{64, 8, 0, 1, 0}, {128, 2, 1, 0, 0}}, p.Usage(2))
	assert.Equal(t, 2, p.Reclaim(2, Filling, Sent))
	assert.Equal(t, []Usage{{64, 8, 0, 0, 0}, {128, 2, 0, 0, 0}}, p.Usage(2))
	assert.Equal(t, []Usage{{64, 8, 1, 1, 0}, {128, 2, 0, 0, 0}}, p.Usage(0), "the living keep theirs")
	generation, _, state := unpack(p.classes[1].slots[0].Load())
	assert.Equal(t, []any{uint32(1), Free}, []any{generation, state}, "an old reference stays stale")
}

func TestMendFreesWhatNoStepLeaves(t *testing.T) {
	used := func(party int) bool { return party != 1 }
	for name, c := range map[string]struct {
		word uint64
		want int
	}{
		"free":                     {word(5, 0, Free), 0},
		"free, of any owner":       {word(5, 9, Free), 0},
		"filling":                  {word(5, 0, Filling), 0},
		"held, the last state":     {word(5, 2, Held), 0},
		"a state there is none of": {word(5, 0, Held+1), 1},
		"an owner not in use":      {word(5, 1, Held), 1},
		"an owner beyond the last": {word(5, 3, Held), 1},
		"bits that no part has":    {word(5, 0, Filling) | 1<<24, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, []Class{{64, 1, 0}, {128, 1, 0}}, 3)
			for i := range p.classes {
				p.classes[i].slots[0].Store(c.word)
				p.classes[i].free[0].Store(0)
			}
			assert.Equal(t, 2*c.want, p.Mend(used))
			for i := range p.classes {
				now := p.classes[i].slots[0].Load()
				if c.want == 0 {
					assert.Equal(t, c.word, now)
					continue
				}
				assert.Equal(t, word(5, 0, Free), now)
				assert.EqualValues(t, 1, p.classes[i].free[0].Load(), "it can be found again")
			}
		})
	}
}

func TestDefaultClassesKeepHalfOfEachForAll(t *testing.T) {
	for _, parties := range []int{1, 2, 34, 1024, 5000} {
		previous := 0
		for _, c := range DefaultClasses(parties) {
			assert.NoError(t, c.check(parties))
			assert.Greater(t, c.Size, previous, "from small to large")
			assert.LessOrEqual(t, c.Reserve*parties, c.Count/2)
			previous = c.Size
		}
	}
	assert.Equal(t, []Class{
		{1 << 10, 1024, 8}, {16 << 10, 256, 3}, {256 << 10, 32, 0}, {4 << 20, 8, 0}, {16 << 20, 4, 0},
	}, DefaultClasses(34), "the second reserve is cut: half of 256 among 34")
	assert.Equal(t, []Class{
		{1 << 10, 1024, 8}, {16 << 10, 256, 4}, {256 << 10, 32, 0}, {4 << 20, 8, 0}, {16 << 20, 4, 0},
	}, DefaultClasses(1), "of the large ones nobody has a reserve")
}

// What a class lays over its segment ends where the class does: beyond are the
// payloads, and a hint that lay there would be set in somebody's data.
func TestHintsOfAClassAreAsManyAsItsSlots(t *testing.T) {
	p := newPool(t, []Class{{64, 64, 0}, {128, 65, 0}}, 1)
	assert.Len(t, p.classes[0].slots, 64)
	assert.Len(t, p.classes[0].free, 1)
	assert.Len(t, p.classes[1].free, 2)
}

// A part of a pool that lies outside of its segment is named as what cannot be
// opened, whichever it is.
func TestPartOfAPoolBeyondItsSegmentIsRefused(t *testing.T) {
	classes := []Class{{4096, 65, 0}} // two pages of states, one of hints, 65 of payload
	for _, pages := range []int{1, 2, 3} {
		segment, err := shm.Create("slots", pages*4096)
		require.NoError(t, err)
		p, err := Open(segment, 0, classes, 1)
		assert.ErrorContains(t, err, "open slot pool", "%d pages", pages)
		assert.Nil(t, p)
		require.NoError(t, segment.Close())
	}
}

// A piece that fits a smaller class leaves the larger ones to others.
func TestPieceThatFitsTakesNoMoreThanItNeeds(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}, {128, 2, 0}}, 1)
	ref, ok := p.AllocPiece(0, 64)
	require.True(t, ok)
	assert.Len(t, p.Bytes(ref), 64)
	assert.Equal(t, 1, inUse(p), "one slot for one piece")
	ref, ok = p.AllocPiece(0, 64)
	require.True(t, ok)
	assert.Len(t, p.Bytes(ref), 128, "a larger one, where none of its own is left")
	assert.Equal(t, 2, inUse(p))
}

// A hint is another's word. It may be set where no slot is, or where a slot is
// reserved or taken, and then leads nowhere.
func TestHintThatLiesIsPassedOver(t *testing.T) {
	p := newPool(t, []Class{{64, 7, 2}}, 2) // 0 to 3 are reserved, 4 to 6 are for all
	p.classes[0].free[0].Store(^uint64(0))
	var got []int
	for range 3 {
		ref, ok := p.Alloc(1, 64)
		require.True(t, ok)
		got = append(got, ref.index())
	}
	assert.Equal(t, []int{4, 5, 6}, got, "none of those that party 0 has to itself")
	p.classes[0].free[0].Store(^uint64(0))
	ref, ok := p.Alloc(1, 64)
	require.True(t, ok)
	assert.Equal(t, 2, ref.index(), "its own, after a look at each hint")
}

func TestReserveOfEachPartyIsCountedAsItsOwn(t *testing.T) {
	p := newPool(t, []Class{{64, 7, 2}}, 3)
	c := p.Census()
	assert.Equal(t, 1, c.Free, "the first slot behind the reserves")
	assert.Equal(t, []Share{{0, 0, 2}, {0, 0, 2}, {0, 0, 2}}, c.Parties)
	_, ok := p.take(0, 0) // that one
	require.True(t, ok)
	_, ok = p.take(0, 2)
	require.True(t, ok)
	c = p.Census()
	assert.Equal(t, 0, c.Free)
	assert.Equal(t, []Share{{1, 64, 2}, {0, 0, 2}, {1, 64, 1}}, c.Parties)
}
