package asset

import (
	"encoding/binary"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHashIsTwelveDigitsOfTheContent(t *testing.T) {
	assert.Regexp(t, regexp.MustCompile(`^[0-9acdeo]{12}$`), Hash(nil))
	assert.Equal(t, Hash([]byte("a")), Hash([]byte("a")))
	seen := map[string]bool{}
	for i := range 10_000 {
		seen[Hash([]byte{byte(i), byte(i >> 8)})] = true
	}
	assert.Len(t, seen, 10_000)
	assert.Equal(t, "css/style.0a.css", Hashed("css/style.css", "0a"))
	assert.Equal(t, "LICENSE.0a", Hashed("LICENSE", "0a"))
}

func TestAddressIsSafeWhereverItStands(t *testing.T) {
	assert.Equal(t, "/a/b-c_d.~1.css", URL("a/b-c_d.~1.css"))
	assert.Equal(t, "/a%20b%22%27%28%29%2C%3F%23%25.css", URL(`a b"'(),?#%.css`))
	assert.Equal(t, []string{"/a b.css", "/a%20b.css"}, Names("a b.css"))
	assert.Equal(t, []string{"/a.css"}, Names("a.css"))
}

func TestWidthsAreTheStepsBelowAndTheOwn(t *testing.T) {
	assert.Equal(t, []int{100}, Widths(100))
	assert.Equal(t, []int{320}, Widths(320))
	assert.Equal(t, []int{320, 640, 960, 1280, 1920, 4000}, Widths(4000))
	assert.Equal(t, "a/b-640w.webp", Variant("a/b.jpg", 640, 1000, "webp"))
	assert.Equal(t, "a/b.webp", Variant("a/b.jpg", 1000, 1000, "webp"))
}

func TestKindGoesByTheExtensionWhateverItsCase(t *testing.T) {
	for name, kind := range map[string]Kind{"a.PNG": Picture, "a.woff2": Font, "a.css": Style, "a.mjs": Script, "a.svg": Drawing, "a.txt": Plain, "png": Plain} {
		assert.Equal(t, kind, KindOf(name), name)
	}
}

func TestHeaderThatIsCutOffIsNoAnimation(t *testing.T) {
	gif := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
	for n := range gif {
		assert.False(t, Animated(gif[:n]))
	}
	width, height := Size([]byte("nothing"))
	assert.Zero(t, width+height)
}

func TestAVIFIsMeasuredByItsBoxes(t *testing.T) {
	box := func(kind string, parts ...string) string {
		body := strings.Join(parts, "")
		return string(binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))) + kind + body
	}
	size := func(w, h uint32) string {
		return box("ispe", string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 4), w), h)))
	}
	file := func(properties ...string) []byte {
		return []byte(box("ftyp", "avif\x00\x00\x00\x00") + box("meta", "\x00\x00\x00\x00", box("hdlr"), box("iprp", box("ipco", properties...))) + box("mdat", "pixels"))
	}
	for name, c := range map[string]struct {
		data          []byte
		width, height int
	}{
		"plain": {file(size(64, 48)), 64, 48}, "tiles": {file(size(32, 32), box("pixi"), size(64, 48)), 64, 48},
		"turned": {file(size(64, 48), box("irot", "\x03")), 48, 64}, "upside down": {file(size(64, 48), box("irot", "\x02")), 64, 48}, "none": {file(), 0, 0},
	} {
		width, height := AVIFSize(c.data)
		assert.Equal(t, [2]int{c.width, c.height}, [2]int{width, height}, name)
		assert.True(t, IsAVIF(c.data))
		for n := range c.data { // cut off anywhere
			AVIFSize(c.data[:n])
		}
	}
	assert.False(t, IsAVIF([]byte("\x00\x00\x00\x1cftypmp42")))
}

// Each group comes after all it refers to, but for its own members, and two are
// in one group just if each leads to the other.
func TestOrderSettlesWhatIsNamedFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + random.IntN(9)
		edges := make([][]int, n)
		for i := range edges {
			for range random.IntN(3) {
				edges[i] = append(edges[i], random.IntN(n))
			}
		}
		groups := Order(n, func(i int) []int { return edges[i] })
		group, count := map[int]int{}, 0
		for g, members := range groups {
			for _, m := range members {
				group[m] = g
				count++
			}
		}
		assert.Equal(t, n, count)
		for a := range n {
			for b := range n {
				both := leads(edges, a, b) && leads(edges, b, a)
				assert.Equal(t, a == b || both, group[a] == group[b], "%v: %d and %d", edges, a, b)
				if leads(edges, a, b) {
					assert.GreaterOrEqual(t, group[a], group[b], "%v: %d names %d", edges, a, b)
				}
			}
		}
	}
}

func leads(edges [][]int, from, to int) bool {
	seen, next := map[int]bool{}, edges[from]
	for len(next) > 0 {
		n := next[0]
		next = next[1:]
		if n == to {
			return true
		}
		if !seen[n] {
			seen[n] = true
			next = append(append([]int(nil), next...), edges[n]...)
		}
	}
	return false
}

func FuzzAnimatedNeverPanics(f *testing.F) {
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x00\x00\x00\x00\x02"))
	f.Fuzz(func(_ *testing.T, data []byte) { Animated(data) })
}
