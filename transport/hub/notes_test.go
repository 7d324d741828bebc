package hub

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/trace"
	"ddc/transport"
	"ddc/wake"
)

func pair(t testing.TB, o Options) (h *Hub, host, peer *Link) {
	t.Helper()
	h, err := Create(o)
	require.NoError(t, err)
	a, b, err := h.Pair("fonts")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h, a.(*Link), b.(*Link)
}

// There is another mapping, for reading, through which everything
// must look alike.
func TestWhoLooksFromOutsideSeesWhatTheHostSees(t *testing.T) {
	h, host, peer := pair(t, Options{})
	received := make(chan struct{})
	peer.Start(func(*transport.Frame) { received <- struct{}{} })
	host.NameMethod(1, "/fonts.Fonts/Subset")
	host.CallBegan(7, 1, "content/index.md:14", time.Now())
	peer.CallBegan(7, 1, "", time.Now())
	require.NoError(t, host.Send(t.Context(), transport.Header{Stream: 7}, make([]byte, 5000)))
	<-received

	o, err := h.Observer()
	require.NoError(t, err)
	defer o.Close()
	seen := o.Snapshot()
	require.Len(t, seen.Links, 1)
	l := seen.Links[0]
	assert.Equal(t, "fonts", l.Name)
	assert.Equal(t, [2]int{os.Getpid(), os.Getpid()}, l.PIDs)
	assert.EqualValues(t, 1, l.Sides[PeerSide].Produced)
	require.Len(t, l.Calls, 1)
	assert.Equal(t, "/fonts.Fonts/Subset", l.Calls[0].Method)
	assert.Equal(t, "content/index.md:14", l.Calls[0].About)
	assert.Equal(t, 1, l.Handlers)
	assert.LessOrEqual(t, l.Calls[0].Began, trace.Now())

	host.CallEnded(7)
	peer.CallEnded(7)
	assert.Empty(t, h.Snapshot().Links[0].Calls)
	assert.Zero(t, h.Snapshot().Links[0].Handlers)
}

func TestWhoLooksFromOutsideCannotWrite(t *testing.T) {
	h, _, _ := pair(t, Options{})
	o, err := h.Observer()
	require.NoError(t, err)
	defer o.Close()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	assert.Regexp(t, `r--s \S+ \S+ \S+ +/memfd:ddc-hub`, string(maps))
}

func TestAWaitForRoomIsNotedAndOver(t *testing.T) {
	_, host, peer := pair(t, Options{Cells: 1})
	require.NoError(t, host.Send(t.Context(), transport.Header{}, nil))
	sent := make(chan error)
	go func() { sent <- host.Send(t.Context(), transport.Header{}, nil) }()
	await.Until(t, "a sender to wait for space", func() bool { return host.State().Sides[PeerSide].SpaceSince != 0 })
	peer.Start(func(*transport.Frame) {})
	require.NoError(t, <-sent)
	assert.Zero(t, host.State().Sides[PeerSide].SpaceSince)
}

func TestRescueWakesWhoeverSleeps(t *testing.T) {
	_, host, peer := pair(t, Options{})
	for _, l := range []*Link{host, peer} {
		l.Start(func(*transport.Frame) {})
		await.Until(t, "the pump to sleep", func() bool { return l.State().Sides[l.side].Parked })
	}
	woken := func(side int) uint64 { return host.State().Sides[side].Received }
	before := [2]uint64{woken(HostSide), woken(PeerSide)}
	host.Rescue()
	await.Until(t, "both pumps to wake", func() bool { return woken(HostSide) > before[0] && woken(PeerSide) > before[1] })
}

// Senders of both ends may wait for room that they were not told of.
func TestRescueTellsTheSendersOfBothEnds(t *testing.T) {
	_, host, peer := pair(t, Options{})
	host.Rescue()
	for _, l := range []*Link{host, peer} {
		await.Until(t, "the senders of the end "+sides[l.side]+" to be told of room", func() bool { return len(l.sender.space) == 1 })
	}
}

func TestPlaceIsSeenOnceItIsOffered(t *testing.T) {
	h := newHub(t, Options{Peers: 2})
	assert.Empty(t, h.Snapshot().Links)
	offer, err := h.Offer("fonts", h.strategy)
	require.NoError(t, err)
	defer offer.Close()
	links := h.Snapshot().Links
	require.Len(t, links, 1)
	assert.False(t, links[0].Attached)
	peer, err := Attach(offer.Text, dup(t, offer.Files), h.strategy, wake.SpinOff)
	require.NoError(t, err)
	assert.True(t, h.Snapshot().Links[0].Attached)
	require.NoError(t, peer.Close())
}

func TestHubThatIsClosedIsNotObserved(t *testing.T) {
	h, err := Create(Options{})
	require.NoError(t, err)
	require.NoError(t, h.Close())
	_, err = h.Observer()
	assert.ErrorContains(t, err, "observe hub: duplicate")
}

// What a call pays for being seen: both at the host's end.
func BenchmarkNotedCall(b *testing.B) {
	_, host, _ := pair(b, Options{})
	now := time.Now()
	b.ReportAllocs()
	for stream := uint32(1); b.Loop(); stream++ {
		host.CallBegan(stream, 1, "", now)
		host.CallEnded(stream)
	}
}

func TestEachEndNotesWhyItEndedTheLink(t *testing.T) {
	h, host, peer := pair(t, Options{})
	ends := func() [2]End {
		s := h.Snapshot().Links[0]
		return [2]End{s.Sides[HostSide].End, s.Sides[PeerSide].End}
	}
	assert.Equal(t, [2]End{}, ends())
	peer.life.fail(fmt.Errorf("%s: %w: Bells[peer]: %w", peer.name, transport.ErrCorrupt, syscall.EINTR))
	peer.awaitEnd()
	host.Start(func(*transport.Frame) {})
	<-host.Done()
	assert.Equal(t, [2]End{{EndClosed, "the other end closed: link closed"}, {EndBellFailed, "Bells[peer]: interrupted system call"}}, ends())

	assert.Equal(t, EndCorrupt, endKind(fmt.Errorf("fonts: %w: descriptor: kind 9", transport.ErrCorrupt)))
	assert.Equal(t, EndPeerDead, endKind(fmt.Errorf("fonts: %w: exit status 1", transport.ErrPeerDead)))
}

func TestWhatAPeerSaysOfItsEndIsMadeFitForATerminal(t *testing.T) {
	var e endPage
	e.note("fonts", errors.New("fonts: \x1b[31mred\nand \xff wide "+strings.Repeat("é", 100)))
	assert.Equal(t, `\u001b[31mred\nand \xff wide `+strings.Repeat("é", 50), e.read().Text)
	e.Size.Store(1 << 31)
	assert.LessOrEqual(t, len(e.read().Text), len(`\u001b\u000a\xff`)+len(e.Text), "of the page it is, and no more")
	e.Kind.Store(99)
	assert.Zero(t, e.read())
}

// A later look still finds what became of a peer after another has started.
func TestAPlaceIsGivenAgainOnlyOnceNoneIsUnused(t *testing.T) {
	h, err := Create(Options{Peers: 2})
	require.NoError(t, err)
	defer h.Close() //nolint:errcheck // its links have ended
	for _, want := range []int{0, 1, 0, 0} {
		host, peer, err := h.Pair("fonts")
		require.NoError(t, err)
		assert.Equal(t, want, host.(*Link).place)
		require.NoError(t, host.Close())
		require.NoError(t, peer.Close())
	}
}

// A call that comes after the link was closed is told what
// those before it were.
func TestASendAfterTheEndSaysWhyItEnded(t *testing.T) {
	_, host, _ := pair(t, Options{})
	host.PeerDied(errors.New("exit status 3"))
	require.NoError(t, host.Close())
	for _, size := range []int{1, 5000} {
		err := host.Send(t.Context(), transport.Header{}, make([]byte, size))
		assert.ErrorIs(t, err, transport.ErrPeerDead)
		assert.ErrorContains(t, err, "exit status 3")
	}
}
