package trace

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func newEvents(n int) *Events { return NewEvents(new(Page), make([]Cell, n)) }

func TestSizesAreThoseOfTheLayout(t *testing.T) {
	assert.Equal(t, PageSize, int(reflect.TypeFor[Page]().Size()))
	assert.Equal(t, CellSize, int(reflect.TypeFor[Cell]().Size()))
	assert.Zero(t, reflect.TypeFor[Calls]().Size()%8)
}

func TestTheLastEventsAreKeptInOrder(t *testing.T) {
	e := newEvents(8)
	e.page.Next.Store(1<<64 - 3) // counts wrap
	for i := range 20 {
		e.AddAt(int64(i), Token, uint64(i))
	}
	var args []uint64
	for _, event := range e.Last() {
		assert.EqualValues(t, event.Arg, event.When)
		assert.Equal(t, Token, event.Kind)
		args = append(args, event.Arg)
	}
	assert.Equal(t, []uint64{12, 13, 14, 15, 16, 17, 18, 19}, args)
}

func TestReadingGoesOnWhereItEnded(t *testing.T) {
	e := newEvents(8)
	e.Add(Asleep, 1)
	first, next := e.From(0)
	assert.Len(t, first, 1)
	none, next := e.From(next)
	assert.Empty(t, none)
	for range 20 {
		e.Add(Awake, 1)
	}
	rest, _ := e.From(next)
	assert.Len(t, rest, 8)
	assert.EqualValues(t, 13, rest[0].Number, "a gap shows what was overwritten")
	e.Reset()
	assert.Empty(t, e.Last())
}

func TestEventsOfManyAreNeverMixed(t *testing.T) {
	e := newEvents(16)
	var adding sync.WaitGroup
	for i := range 4 {
		adding.Go(func() {
			for n := range 20_000 {
				e.AddAt(int64(i), Token, uint64(i)<<32|uint64(n))
			}
		})
	}
	done := make(chan struct{})
	go func() { adding.Wait(); close(done) }()
	for {
		for _, event := range e.Last() {
			assert.Less(t, event.Arg>>32, uint64(4))
			assert.Equal(t, Token, event.Kind)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestCallsUnderWayAreListed(t *testing.T) {
	c := new(Calls)
	c.Name(1, "/markdown.Markdown/Render")
	c.Began(7, 1, "content/index.md:14", 1000)
	c.Began(7+maxCalls, 2, strings.Repeat("long/", 20)+"page.md:3", 2000) // the same place: the next one is taken
	assert.ElementsMatch(t, []Entry{
		{7, 1, "content/index.md:14", 1000},
		{7 + maxCalls, 2, strings.Repeat("long/", 11) + "page.md:3", 2000},
	}, c.List())
	assert.Equal(t, "/markdown.Markdown/Render", c.Method(1))
	assert.Empty(t, c.Method(2))
	c.Ended(7)
	c.Ended(7 + maxCalls)
	assert.Empty(t, c.List())
}

func TestWhatDoesNotFitIsCounted(t *testing.T) {
	c := new(Calls)
	for i := range uint32(probes + 2) {
		c.Began(1+i*maxCalls, 1, "", 0)
	}
	assert.Len(t, c.List(), probes)
	assert.EqualValues(t, 2, c.Unnoted.Load())
	for i := range uint32(probes + 2) {
		c.Ended(1 + i*maxCalls)
	}
	assert.Empty(t, c.List())
	assert.Zero(t, c.Unnoted.Load())
}

func TestClockIsThatOfAllProcesses(t *testing.T) {
	before := Now()
	taken := time.Now()
	after := Now()
	assert.LessOrEqual(t, before, At(taken))
	assert.LessOrEqual(t, At(taken), after)
}

func BenchmarkEvent(b *testing.B) {
	e := newEvents(128)
	b.ReportAllocs()
	for b.Loop() {
		e.Add(Token, 1)
	}
}

func BenchmarkCall(b *testing.B) {
	c := new(Calls)
	now := time.Now()
	b.ReportAllocs()
	for stream := uint32(1); b.Loop(); stream++ {
		c.Began(stream, 1, "content/guide/quick-start.md:14", At(now))
		c.Ended(stream)
	}
}
