package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/doctable"
	"ddc/internal/trace"
	"ddc/ring"
	"ddc/slot"
	"ddc/wake"
)

const (
	rustNumbers = "../../sdk/rust/src/numbers.rs"
	rustBegin   = "// The layout: go test ./transport/hub -run RustHasTheNumbers -write\n"
	rustEnd     = "// The end of the layout.\n"
)

// The crate for plugins in Rust has the layout's numbers from the code, as the
// page has.
func TestRustHasTheNumbersOfTheCode(t *testing.T) {
	doctable.Hold(t, rustNumbers, rustBegin, rustEnd, rustLayout(), *write)
}

func rustLayout() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	number := func(name string, value any) { p("pub const %s: usize = %d;\n", name, value) }
	p("pub const MAGIC: u64 = %#x;\n", uint64(magic))
	p("pub const LAYOUT_VERSION: u32 = %d;\n", layoutVersion)
	number("MAX_PLACES", maxPeers)
	number("MAX_CLASSES", maxClasses)
	number("HEADER_SIZE", headerSize)
	number("LINK_SIZE", linkPageSize)
	number("CELL_SIZE", ring.CellSize)
	number("EVENT_SIZE", trace.CellSize)
	p("pub const SIGNAL_SLOT: u32 = %d;\npub const SIGNAL_RELAY: u32 = %d;\npub const SIGNAL_SPACE: u32 = %d;\n", signalSlot, signalRelay, signalSpace)

	rustFields[header](p, "header", "Magic Version Peers Hash Cells Classes Class Events SlotWaiters Gate")
	rustFields[linkPage](p, "link", "Incarnation Attached Strategy Signals Closed Gate CallerGate Bells Rings Notes")
	rustFields[wake.Words](p, "bell", "Seq Left Sent Suppressed Sleeping Parked Taken Received Spurious")
	rustFields[ring.Page](p, "ring", "Produced Consumed Starved")
	rustFields[notePage](p, "notes", "PIDs Handlers Ends Waits")

	l := layout{peers: 16, cells: 256, events: 1024, classes: slot.DefaultClasses(32)}
	p("\n/// A layout to check the hash with.\n#[cfg(test)]\n#[rustfmt::skip]\npub const EXAMPLE: (&str, u64) = (\n    %q,\n    %#016x,\n);\n\n", l.agreed(), l.hash())
	return b.String()
}

// Programs in other languages are built by a version's numbers, and refuse
// another version. A number that changed under its version would have them read
// another place.
func TestALayoutStaysUnderItsVersion(t *testing.T) {
	file := fmt.Sprintf("testdata/layout%d.txt", layoutVersion)
	kept, err := os.ReadFile(file)
	if *write && errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, os.WriteFile(file, []byte(tables()), 0o644))
		return
	}
	require.NoError(t, err, "a new layout: run the test with -write")
	// Where a sentence's lines end is no layout.
	assert.Equal(t, strings.Fields(string(kept)), strings.Fields(tables()), "the layout has changed: raise layoutVersion")
}

// rustFields writes a module of offsets, and of how far the elements of an
// array are apart.
func rustFields[T any](p func(string, ...any), module, fields string) {
	page := reflect.TypeFor[T]()
	p("\n/// Words of the %s, from its start.\npub mod %s {\n    pub const SIZE: usize = %d;\n", module, module, page.Size())
	for _, name := range strings.Fields(fields) {
		f, ok := page.FieldByName(name)
		if !ok {
			panic("there is no field " + name)
		}
		constant := shouted(name)
		p("    pub const %s: usize = %d;\n", constant, f.Offset)
		if f.Type.Kind() == reflect.Array && f.Type.Elem().Kind() != reflect.Uint8 {
			p("    pub const %s_STRIDE: usize = %d;\n", constant, f.Type.Elem().Size())
		}
	}
	p("}\n")
}

// shouted turns SlotWaiters into SLOT_WAITERS, and PIDs into PIDS.
func shouted(name string) string {
	var b strings.Builder
	small := false
	for _, r := range name {
		if unicode.IsUpper(r) && small {
			b.WriteByte('_')
		}
		small = unicode.IsLower(r)
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
