//go:build explore

package explore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
)

// defects are small programs, each with one that the explorer must find: of
// every kind one.
var defects = []struct {
	name  string
	kind  Kind
	setup func(w *World)
}{
	{"a sleeper looks before it announces itself", LostWakeup, func(w *World) {
		var sleeping, published step.Uint32
		token := make(chan struct{}, 1)
		asleep := false
		w.Sleeper("peer", "the sleeper", func() bool { return asleep }, func() bool { return published.Load() == 1 }, func() bool { return len(token) > 0 })
		w.Go("host", "ring", func() {
			published.Store(1)
			if sleeping.CompareAndSwap(1, 0) {
				step.At(token)
				token <- struct{}{}
			}
		})
		w.Go("peer", "await", func() {
			if published.Load() == 1 {
				return
			}
			sleeping.Swap(1)
			asleep = true
			step.Recv(token)
			<-token
			asleep = false
		})
	}},
	{"two locks in two orders", Deadlock, func(w *World) {
		var a, b step.Mutex
		w.Go("host", "ab", func() { inside(&a, &b) })
		w.Go("peer", "ba", func() { inside(&b, &a) })
	}},
	{"a payload is written after it was announced", Race, func(w *World) {
		memory := make([]byte, 16)
		w.Memory("payload", memory)
		var full step.Uint32
		w.Go("host", "write", func() {
			full.Store(1)
			step.Write(memory)
		})
		w.Go("peer", "read", func() {
			if full.Load() == 1 {
				step.Read(memory)
			}
		})
	}},
	{"a cell is written over before it was read", Race, func(w *World) {
		memory := make([]byte, 16)
		w.Memory("cell", memory)
		var full step.Uint32
		w.Go("host", "write", func() {
			step.Write(memory)
			full.Store(1)
			step.Write(memory)
		})
		w.Go("peer", "read", func() {
			if full.Load() == 1 {
				step.Read(memory)
			}
		})
	}},
	{"two who pop from one ring", Frame, func(w *World) {
		l := newProcesses(w, "pipe", "host", "peer").simplex("host", "peer", 2)
		var popped [3]int
		w.Go("host", "send", func() { l.send(1) })
		for _, name := range []string{"popA", "popB"} {
			w.Go("peer", name, func() {
				consumer, err := ring.NewConsumer(l.page, l.consumerCells)
				w.Must(err)
				var batch [2]ring.Descriptor
				n, err := consumer.TryPop(batch[:])
				if err != nil {
					return // it saw the other
				}
				for _, d := range batch[:n] {
					if popped[d[0]]++; popped[d[0]] > 1 {
						w.Failf(Frame, "frame %d was received twice", d[0])
					}
				}
			})
		}
	}},
	{"an index that goes back", Index, func(w *World) {
		l := newProcesses(w, "pipe", "host", "peer").simplex("host", "peer", 1)
		w.Go("host", "send", func() {
			l.push(1)
			l.page.Produced.Add(^uint64(0) - 1)
		})
		w.Go("peer", "receive", func() { l.pop() })
	}},
	{"a slot is freed by whoever no longer owns it", Slot, func(w *World) {
		slots := pool(w, 2)
		var ref slot.Ref
		var owners step.Int32
		fill := func(party int) {
			if r, ok := slots.Alloc(party, 64); ok {
				if owners.Add(1) == 2 {
					w.Failf(Slot, "the slot has two owners")
				}
				ref = r
				owners.Add(-1)
			}
		}
		free := func() {
			// By index, not by reference: whose it is by now nobody asks.
			slots.Free(ref)
			slots.Reclaim(0, slot.Filling)
			slots.Reclaim(1, slot.Filling)
		}
		w.Go("host", "fill", func() { fill(0) })
		w.Go("peer", "fill", func() { fill(1) })
		w.Go("host", "free", free)
	}},
	{"a slot that nobody frees where a reference is lost", Slot, func(w *World) {
		slots := pool(w, 2)
		var passed step.Uint64
		w.Go("host", "fill", func() {
			ref, _ := slots.Alloc(0, 64)
			w.Must(slots.Send(ref))
			passed.Store(uint64(ref))
		})
		w.Go("peer", "free", func() {
			if ref := slot.Ref(passed.Load()); ref != 0 {
				slots.Free(ref)
			}
		})
		allFree(w, slots)
	}},
	{"a panic in one order only", Panic, func(w *World) {
		var n step.Uint32
		table := []int{1}
		w.Go("host", "add", func() { n.Add(1) })
		w.Go("peer", "index", func() { _ = table[n.Load()] })
	}},
	{"a loop that waits without sleeping", Endless, func(w *World) {
		var flag step.Uint32
		w.Go("host", "spin", func() {
			for flag.Load() == 0 {
			}
		})
	}},
	{"memory that is used after it was unmapped", Unmapped, func(w *World) {
		segment, err := shm.Create("explore", 4096)
		w.Must(err)
		words, err := shm.View[[2]shm.Word32](segment, 0)
		w.Must(err)
		w.Go("host", "use", func() { words[1].Add(1) })
		w.Go("host", "close", func() { _ = segment.Close() }) // its file is a model's
	}},
	{"an error that nothing explains", Failure, func(w *World) {
		b := newProcesses(w, "futex", "host", "peer").bell("b", "peer", func() bool { return false }, "host")
		w.Go("host", "ring", func() { w.Must(b.ends["host"].Ring()) })
		w.Go("host", "close", func() { w.Must(b.ends["host"].Close()) })
		w.Go("peer", "close", func() { b.words.Sleeping.Swap(1) })
	}},
}

// inside takes both locks, and gives them back.
func inside(a, b *step.Mutex) {
	a.Lock()
	defer a.Unlock()
	b.Lock()
	defer b.Unlock()
}

func TestEveryKindOfDefectIsFound(t *testing.T) {
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			s := Scenario{Name: d.name, Setup: d.setup}
			for _, o := range []Options{{Bound: -1, Steps: 300}, {Bound: 2, Steps: 300}} {
				r, err := Explore(s, o)
				require.NoError(t, err)
				require.NotNil(t, r.Finding, "%+v", o)
				assert.Equal(t, d.kind, r.Finding.Kind)
			}
			r, err := Shortest(s, 2, 10_000)
			require.NoError(t, err)
			require.NotNil(t, r.Finding)
			assert.NotEmpty(t, r.Finding.Columns)
			if d.kind == Endless {
				return // a prefix of it shows nothing
			}
			again, err := Replay(s, r.Finding.Replay)
			require.NoError(t, err)
			require.NotNil(t, again, "the token shows nothing")
			assert.Equal(t, r.Finding.Kind, again.Kind)
			assert.Equal(t, r.Finding.Text[:min(60, len(r.Finding.Text))], again.Text[:min(60, len(again.Text))])
			assert.Equal(t, r.Finding.Columns, again.Columns)
		})
	}
}

// The same program without its defect is left alone.
func TestSoundProgramsAreNotReported(t *testing.T) {
	for name, setup := range map[string]func(w *World){
		"two locks in one order": func(w *World) {
			var a, b step.Mutex
			for _, p := range []string{"host", "peer"} {
				w.Go(p, "ab", func() { inside(&a, &b) })
			}
		},
		"a payload that is handed over and back": func(w *World) {
			memory := make([]byte, 16)
			var full step.Uint32
			w.Go("host", "write", func() {
				step.Write(memory)
				full.Store(1)
				if full.Load() == 0 {
					step.Write(memory)
				}
			})
			w.Go("peer", "read", func() {
				if full.Load() == 1 {
					step.Read(memory)
					full.Store(0)
				}
			})
		},
		"memory that is held while it is used": func(w *World) {
			segment, err := shm.Create("explore", 4096)
			w.Must(err)
			words, err := shm.View[[2]shm.Word32](segment, 0)
			w.Must(err)
			w.Go("host", "use", func() {
				if segment.Hold() == nil {
					words[1].Add(1)
					segment.Release()
				}
			})
			w.Go("host", "close", func() { _ = segment.Close() }) // its file is a model's
		},
		"readers beside each other": func(w *World) {
			memory := make([]byte, 16)
			for _, p := range []string{"host", "peer"} {
				w.Go(p, "read", func() { step.Read(memory) })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Explore(Scenario{Name: name, Setup: setup}, Options{Bound: -1})
			require.NoError(t, err)
			assert.True(t, r.Exhausted)
			assert.Nil(t, r.Finding, "%v", r.Finding)
		})
	}
}

// A store that only its own processor has seen yet: both may read 0, as on x86
// (store buffering), but no fence lets them.
func TestPlainStoreIsSeenLate(t *testing.T) {
	for _, plain := range []bool{true, false} {
		bothZero := false
		s := Scenario{Name: "store buffering", Setup: func(w *World) {
			var words [2]step.Uint32
			var read [2]uint32
			for i, p := range []string{"host", "peer"} {
				w.Go(p, "run", func() {
					if plain {
						step.PlainStore(&words[i], 1)
						assert.EqualValues(t, 1, words[i].Load(), "a processor sees its own stores")
					} else {
						words[i].Swap(1)
					}
					read[i] = words[1-i].Load()
				})
			}
			w.Finally(func() { bothZero = bothZero || read == [2]uint32{} })
		}}
		r, err := Explore(s, Options{Bound: -1})
		require.NoError(t, err)
		assert.True(t, r.Exhausted)
		assert.Equal(t, plain, bothZero)
	}
}

func TestScenarioThatDiffersWhenRunAgainIsRefused(t *testing.T) {
	runs := 0
	s := Scenario{Name: "not deterministic", Setup: func(w *World) {
		runs++
		var a, b step.Uint32
		for _, p := range []string{"host", "peer"} {
			w.Go(p, "run", func() {
				a.Add(1)
				if runs%2 == 0 {
					b.Add(1)
				}
				a.Add(1)
			})
		}
	}}
	_, err := Explore(s, Options{Bound: -1})
	require.Error(t, err)
	assert.True(t, strings.Contains(err.Error(), "not deterministic"), err)
}

func TestTokenThatDoesNotFitIsRefused(t *testing.T) {
	s := Scenario{Name: "one step", Setup: func(w *World) { w.Go("host", "run", func() {}) }}
	for _, token := range []string{"b", "a~3", "Z", "a"} {
		f, err := Replay(s, token)
		if token == "a" {
			require.NoError(t, err)
			assert.Nil(t, f)
			continue
		}
		assert.Error(t, err, token)
	}
}

func TestScenarioWithTooManyTasksIsRefused(t *testing.T) {
	s := Scenario{Name: "too many", Setup: func(w *World) {
		w.Go("host", "run", func() {
			for range maxTasks {
				step.Go(func() {})
			}
		})
	}}
	_, err := Explore(s, Options{Bound: -1})
	assert.ErrorContains(t, err, "tasks")
}
