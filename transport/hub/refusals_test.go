package hub

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/transport"
	"ddc/wake"
	"ddc/wake/eventfd"
)

var errRefused = errors.New("the kernel has none left")

// hostBell and peerBell count a pair's wakers from 1, in the order in which
// they are opened: the host's three, then the peer's.
const (
	hostBell = 1 + HostSide
	peerBell = 1 + numBells + PeerSide
)

// watched makes wakers of a strategy, counts what it makes, and lets a test
// break one of them.
type watched struct {
	wake.Strategy
	made   [][]*os.File
	opened int
	open   int  // that are not closed
	failAt int  // the waker that cannot be opened, from 1
	makeAt int  // the bell whose files cannot be made, from 1
	stuck  bool // wakers that are closed say that they could not be
	before func(opening int)
	wait   map[int]func() error // of the waker, instead of its own
}

func (w *watched) Make() ([]*os.File, error) {
	if len(w.made)+1 == w.makeAt {
		return nil, errRefused
	}
	files, err := w.Strategy.Make()
	w.made = append(w.made, files)
	return files, err
}

func (w *watched) Open(tokens *wake.Tokens, files []*os.File) (wake.Waker, error) {
	w.opened++
	if w.before != nil {
		w.before(w.opened)
	}
	if w.opened == w.failAt {
		return nil, errRefused
	}
	opened, err := w.Strategy.Open(tokens, files)
	if err == nil {
		w.open++
	}
	return &watchedWaker{opened, w, w.wait[w.opened]}, err
}

type watchedWaker struct {
	wake.Waker
	of   *watched
	wait func() error
}

func (w *watchedWaker) Wait() error {
	if w.wait != nil {
		return w.wait()
	}
	return w.Waker.Wait()
}

func (w *watchedWaker) Close() error {
	w.of.open--
	if err := w.Waker.Close(); err != nil || !w.of.stuck {
		return err
	}
	return errRefused
}

// leftovers counts what this process has of hubs: their memory, and the files
// of their memory and bells.
func leftovers(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	count := strings.Count(string(maps), "/memfd:ddc-hub")
	numbers, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, n := range numbers {
		name, _ := os.Readlink("/proc/self/fd/" + n.Name()) // the folder's own is closed by now
		if strings.HasPrefix(name, "/memfd:ddc-hub") || name == "anon_inode:[eventfd]" {
			count++
		}
	}
	return count
}

// assertNothingLeft closes the hub, after which nothing of it may be left. What
// other tests have left to the collector may go meanwhile.
func assertNothingLeft(t *testing.T, h *Hub, w *watched, before int) {
	t.Helper()
	require.NoError(t, h.Close())
	assert.Zero(t, w.open, "wakers that nobody closes")
	assert.LessOrEqual(t, leftovers(t), before, "memory and files")
}

func TestAPairThatCannotBeOpenedLeavesNothingBehind(t *testing.T) {
	for failAt := 1; failAt <= 2*numBells; failAt++ {
		before := leftovers(t)
		h, err := Create(Options{Peers: 1, Strategy: eventfd.Strategy{}})
		require.NoError(t, err)
		w := &watched{Strategy: eventfd.Strategy{}, failAt: failAt}
		h.strategy = w
		host, peer, err := h.Pair("fonts")
		require.ErrorIs(t, err, errRefused)
		assert.Nil(t, host)
		assert.Nil(t, peer)
		assert.ErrorContains(t, err, "open link: ", "waker %d", failAt)
		assert.Zero(t, w.open, "waker %d", failAt)
		_, _, err = h.Pair("the place is free again")
		require.NoError(t, err)
		assertNothingLeft(t, h, w, before)
	}
}

func TestAnOfferWhoseFilesCannotBeMadeLeavesNothingBehind(t *testing.T) {
	for makeAt := 1; makeAt <= numBells; makeAt++ {
		before := leftovers(t)
		h, err := Create(Options{Peers: 1})
		require.NoError(t, err)
		w := &watched{Strategy: eventfd.Strategy{}, makeAt: makeAt}
		offer, err := h.Offer("fonts", w)
		require.ErrorIs(t, err, errRefused)
		assert.ErrorContains(t, err, "offer place to fonts: ")
		assert.Nil(t, offer)
		assertNothingLeft(t, h, w, before)
	}
}

func TestAPairWhoseFilesCannotBeCopiedLeavesNothingBehind(t *testing.T) {
	for bell := range numBells - 1 {
		before := leftovers(t)
		h, err := Create(Options{Peers: 1})
		require.NoError(t, err)
		w := &watched{Strategy: eventfd.Strategy{}}
		w.before = func(opening int) {
			if opening == numBells { // the host's last: all others are made of copies
				assert.NoError(t, w.made[bell][0].Close())
			}
		}
		h.strategy = w
		_, _, err = h.Pair("fonts")
		require.ErrorIs(t, err, syscall.EBADF)
		w.before = nil
		_, _, err = h.Pair("the place is free again")
		require.NoError(t, err)
		assertNothingLeft(t, h, w, before)
	}
}

// A process may have no descriptor left for the first of them.
func TestAPairWhoseFirstFileCannotBeCopiedIsRefused(t *testing.T) {
	h, _, _ := pair(t, Options{})
	gone, other, err := os.Pipe()
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, gone.Close())
	attached, err := h.attachOwn(&Offer{Files: []*os.File{gone, other}})
	assert.ErrorIs(t, err, syscall.EBADF)
	assert.Nil(t, attached)
}

// The hub is closed while the peer's end is being opened, and has not seen it.
func TestAHubThatClosesUnderAPairLeavesNothingBehind(t *testing.T) {
	before := leftovers(t)
	h, err := Create(Options{Peers: 1})
	require.NoError(t, err)
	w := &watched{Strategy: eventfd.Strategy{}}
	w.before = func(opening int) {
		if opening == peerBell {
			assert.NoError(t, h.Close())
		}
	}
	h.strategy = w
	_, _, err = h.Pair("fonts")
	require.ErrorIs(t, err, transport.ErrClosed)
	assert.ErrorContains(t, err, "attach to hub: ")
	assertNothingLeft(t, h, w, before)
}

// brokenPair is a pair of which one waker waits otherwise.
func brokenPair(t *testing.T, waker int, wait func() error) (host, peer *Link) {
	t.Helper()
	w := &watched{Strategy: eventfd.Strategy{}, wait: map[int]func() error{waker: wait}}
	_, host, peer = pair(t, Options{Peers: 1, Strategy: w})
	return host, peer
}

func TestAPumpThatCannotSleepEndsItsLink(t *testing.T) {
	for side, waker := range []int{HostSide: hostBell, PeerSide: peerBell} {
		host, peer := brokenPair(t, waker, func() error { return errRefused })
		l := []*Link{host, peer}[side]
		await.Closed(t, "the link to end", l.Done())
		assert.ErrorIs(t, l.Err(), errRefused)
		assert.ErrorIs(t, l.Err(), transport.ErrCorrupt)
		assert.ErrorContains(t, l.Err(), l.name+": ")
		assert.ErrorContains(t, l.Err(), "Bells["+sides[side]+"]: ")
	}
}

// A bell that returns at once, again and again, is one that a peer rings for
// nothing: the caller gives up, and the link with it.
func TestACallerThatIsRungInVainEndsTheLink(t *testing.T) {
	host, _ := brokenPair(t, 1+callerBell, func() error { return nil })
	host.Await(t.Context(), func() bool { return false })
	await.Closed(t, "the link to end", host.Done())
	assert.ErrorIs(t, host.Err(), transport.ErrCorrupt)
	assert.ErrorIs(t, host.Err(), wake.ErrInVain)
	assert.ErrorContains(t, host.Err(), "Bells[caller]: ")
	assert.False(t, host.bells.standing.Load())
}

// The pump goes on without the caller in its place.
func TestACallerThatCannotSleepLeavesTheLinkToThePump(t *testing.T) {
	host, peer := brokenPair(t, 1+callerBell, func() error { return errRefused })
	came := make(chan struct{})
	host.Start(func(*transport.Frame) { close(came) })
	host.Await(t.Context(), func() bool { return false })
	assert.False(t, host.bells.standing.Load())
	assert.NoError(t, host.Err())
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil))
	await.Closed(t, "the frame", came)
}

// A frame that the caller finds wrong ends the link; the pump says why.
func TestACallerThatFindsNonsenseEndsTheLink(t *testing.T) {
	_, host, peer := pair(t, Options{})
	host.Start(func(*transport.Frame) { t.Error("a corrupt frame was delivered") })
	await.Until(t, "the pump to sleep", asleep(host, HostSide))
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		host.Await(context.Background(), func() bool { return false })
	}()
	await.Until(t, "the caller to sleep in the pump's place", func() bool {
		c := host.State().Caller
		return c.Sleeping && c.Parked && !c.Token
	})
	host.page.Bells[HostSide].Sleeping.Store(0) // no ring finds the pump asleep
	host.page.Rings[HostSide].Produced.Store(1 << 40)
	peer.bells.ringPeer()
	await.Closed(t, "the caller to go", returned)
	await.Closed(t, "the link to end", host.Done())
	assert.ErrorIs(t, host.Err(), transport.ErrCorrupt)
	assert.ErrorContains(t, host.Err(), "fonts: ")
	assert.ErrorContains(t, host.Err(), "Rings[host]: ")
}

// A pump that fails forgets the pieces of frames only after a caller in its
// place has delivered what it took from the ring.
func TestAPumpThatFailsLeavesToACallerWhatItDelivers(t *testing.T) {
	refuse, delivering, goOn, returned := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	host, peer := brokenPair(t, hostBell, func() error { <-refuse; return errRefused })
	await.Until(t, "the pump to sleep", asleep(host, HostSide)) // else it may deliver before it sleeps
	want := []byte("of two pieces")
	piece := reference{group: 1, total: uint64(len(want))}
	push := func(kind uint8, part []byte) {
		var err error
		piece.ref, err = peer.slots.allocPiece(t.Context(), len(part))
		require.NoError(t, err)
		piece.length = copy(peer.view.pool.Bytes(piece.ref), part)
		require.NoError(t, peer.sender.pushSlot(t.Context(), transport.Header{}, kind, piece, rung))
	}
	push(kindPiece, want[:5])
	require.NoError(t, peer.Send(t.Context(), transport.Header{}, nil)) // between the pieces
	push(kindLast, want[5:])
	var got []byte
	host.Start(func(f *transport.Frame) {
		if got = slices.Clone(f.Payload); len(got) == 0 {
			close(delivering)
			<-goOn
		}
	})
	go func() {
		defer close(returned)
		host.Await(context.Background(), func() bool { return false })
	}()
	await.Closed(t, "the caller to deliver", delivering)
	close(refuse)
	await.Until(t, "the pump to wait for the caller", func() bool { return await.Goroutines("sync.Mutex.Lock", ".(*receiver).finish(") == 1 })
	close(goOn)
	await.Closed(t, "the caller to go", returned)
	await.Closed(t, "the link to end", host.Done())
	assert.ErrorIs(t, host.Err(), errRefused)
	assert.Equal(t, string(want), string(got))
}

func TestWhatIsNoHubIsNotObserved(t *testing.T) {
	for size, want := range map[int]string{64: "lie outside a segment of 64", 1 << 16: errLayout.Error()} {
		f, err := os.CreateTemp(t.TempDir(), "hub")
		require.NoError(t, err)
		require.NoError(t, f.Truncate(int64(size)))
		o, err := Observe(f)
		assert.ErrorContains(t, err, "observe hub: ")
		assert.ErrorContains(t, err, want)
		assert.Nil(t, o)
		assert.ErrorIs(t, f.Close(), os.ErrClosed)
	}
}

// The other process may be at work in its place, as long as nobody has said
// that it is dead.
func TestThePlaceOfAPeerThatMayLiveIsNobodyElses(t *testing.T) {
	h := newHub(t, Options{Peers: 1})
	offer, err := h.Offer("fonts", eventfd.Strategy{})
	require.NoError(t, err)
	offer.Close()
	require.NoError(t, offer.Link.Close())
	_, err = h.Offer("too early", eventfd.Strategy{})
	require.ErrorIs(t, err, ErrFull)
	assert.True(t, offer.Link.ownsSlots())
	offer.Link.PeerDied(nil)
	offer, err = h.Offer("in time", eventfd.Strategy{})
	require.NoError(t, err)
	offer.Close()
}

func TestABellThatCannotBeClosedIsAnErrorOfClose(t *testing.T) {
	before := leftovers(t)
	h, err := Create(Options{Peers: 1})
	require.NoError(t, err)
	w := &watched{Strategy: eventfd.Strategy{}}
	h.strategy = w
	host, peer, err := h.Pair("fonts")
	require.NoError(t, err)
	w.stuck = true
	for l, name := range map[transport.Link]string{host: "fonts", peer: "host"} {
		err := l.Close()
		assert.ErrorIs(t, err, errRefused)
		assert.ErrorContains(t, err, "close link to "+name+": ")
		assert.NoError(t, l.Close(), "it is closed")
	}
	assertNothingLeft(t, h, w, before)
}
