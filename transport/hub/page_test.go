package hub

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/doctable"
	"ddc/internal/trace"
	"ddc/ring"
	"ddc/slot"
	"ddc/wake"
)

var write = flag.Bool("write", false, "write the tables of docs/PROTOCOL.md anew")

const (
	protocolPage = "../../docs/PROTOCOL.md"
	tablesBegin  = "<!-- tables of the hub's memory: go test ./transport/hub -run ProtocolPage -write -->\n"
	tablesEnd    = "<!-- end of the tables -->\n"
)

// A foreign program reads the page, and would read another place for every
// number that is wrong. So the numbers are made from the code.
func TestProtocolPageHasTheNumbersOfTheCode(t *testing.T) {
	doctable.Hold(t, protocolPage, tablesBegin, tablesEnd, tables(), *write)
	page, err := os.ReadFile(protocolPage)
	require.NoError(t, err)
	assert.Regexp(t, fmt.Sprintf(`A host accepts one version of each: agreement \d+, layout %d\.`, layoutVersion), strings.Join(strings.Fields(string(page)), " "))
	assert.Contains(t, string(page), fmt.Sprintf("`DDC_HUB` | `v%d peer=", layoutVersion))
}

// What stands in its sentences and drawings is held, too.
func TestProtocolPageHasTheBitsKindsAndBellsOfTheCode(t *testing.T) {
	content, err := os.ReadFile(protocolPage)
	require.NoError(t, err)
	page := string(content)
	for name, bit := range map[string]uint32{"signalSlot": signalSlot, "signalRelay": signalRelay, "signalSpace": signalSpace} {
		assert.Contains(t, page, fmt.Sprintf("\n| %d `%s` | ", bit, name))
	}
	assert.Contains(t, page, fmt.Sprintf("%d inline, %d slot, %d piece, %d last piece, %d abort", kindInline, kindSlot, kindPiece, kindLast, kindAbort))
	assert.Contains(t, page, fmt.Sprintf("kind 0: length, at most %d\n", inlineMax))
	assert.Contains(t, page, fmt.Sprintf("## 3. Descriptors (%d bytes)", ring.CellSize))
	assert.Contains(t, strings.Join(strings.Fields(page), " "), "the owner is 2·place + side")
	assert.Equal(t, 2*3+PeerSide, party(3, PeerSide))
	bells := len(linkPage{}.Bells)
	for bell := range bells {
		assert.Contains(t, page, fmt.Sprintf("\n| `Bells[%d]` | ", bell))
	}
	assert.NotContains(t, page, fmt.Sprintf("| `Bells[%d]` | ", bells))
}

func tables() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	events := func(n string) string { return fmt.Sprintf("%s events of %d bytes", n, trace.CellSize) }
	p("\nLayout version %d. C is the number of cells in a ring, E of events that an end keeps.\n\n", layoutVersion)
	p("| at | what | bytes |\n|---|---|---|\n")
	p("| 0 | header | %d |\n", headerSize)
	p("| %d + place × (%d + 2·C·%d + 2·E·%d) | link of a place | |\n", headerSize, linkPageSize, ring.CellSize, trace.CellSize)
	p("| … + 0 | its words | %d |\n", linkPageSize)
	p("| … + %d | cells of the ring to the host, then of the ring to the plugin | 2 × C·%d |\n", linkPageSize, ring.CellSize)
	p("| … + %d + 2·C·%d | %s of the host's end, then of the plugin's | 2 × E·%d |\n", linkPageSize, ring.CellSize, events("E"), trace.CellSize)
	p("| after the last link, at a multiple of 4096 | the slot pool | |\n")

	fields[header](p, "Header")
	fields[linkPage](p, "Link")
	fields[wake.Words](p, "Doorbell")
	fields[ring.Page](p, "Ring")
	fields[notePage](p, "Notes")

	p("\n**Layout hash**: FNV-1a, 64 bits, of the ASCII text of these numbers with one space between them:\n")
	p("layout version, header, link, doorbell, ring page, cell, event (all sizes in bytes), places, C, E,\n")
	l := layout{peers: 16, cells: 256, events: 1024, classes: slot.DefaultClasses(32)}
	p("and the classes as `[{size count reserve} ...]`. For example, of %d places, C = %d, E = %d:\n\n", l.peers, l.cells, l.events)
	p("    %s\n    hash %#016x\n\n", l.agreed(), l.hash())
	return b.String()
}

// fields writes a table of a page's fields, and of those within arrays.
func fields[T any](p func(string, ...any), name string) {
	page := reflect.TypeFor[T]()
	p("\n**%s**, %d bytes:\n\n| word | at | bytes |\n|---|---|---|\n", name, page.Size())
	for i := range page.NumField() {
		if f := page.Field(i); f.Name != "_" {
			p("| `%s` | %d | %s |\n", f.Name, f.Offset, extent(f.Type))
		}
	}
}

// extent says how large a field is: 4, or 2 × 4, 128 apart.
func extent(t reflect.Type) string {
	if t.Kind() != reflect.Array || t.Elem().Kind() == reflect.Uint8 {
		return fmt.Sprint(t.Size())
	}
	inner, size := named(t.Elem()), word(t.Elem())
	text := fmt.Sprintf("%d × %d", t.Len(), size)
	if stride := t.Elem().Size(); stride != size {
		text += fmt.Sprintf(", %d apart", stride)
	}
	if inner != "" {
		text += ": " + inner
	}
	return text
}

// word is how much of an array's element is its own, and not padding.
func word(t reflect.Type) uintptr {
	if t.Kind() != reflect.Struct || isPage(t) {
		return t.Size()
	}
	end := uintptr(0)
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "_" {
			end = f.Offset + f.Type.Size()
		}
	}
	return max(end, 1)
}

// named lists the fields of an array's element, where they have names of their
// own, by their offsets in it.
func named(t reflect.Type) string {
	if t.Kind() != reflect.Struct || isPage(t) {
		return ""
	}
	var all []string
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "_" && !f.Anonymous && f.IsExported() {
			all = append(all, fmt.Sprintf("`%s` %d", f.Name, f.Offset))
		}
	}
	return strings.Join(all, ", ")
}

// isPage says that a type has a table of its own, or none.
func isPage(t reflect.Type) bool {
	return t == reflect.TypeFor[wake.Words]() || t == reflect.TypeFor[ring.Page]() || t == reflect.TypeFor[trace.Page]()
}
