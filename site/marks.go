package site

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"ddc/site/asset"
)

// A mark stands for the address of an asset whose final name is not known yet.
// Pages, style sheets and scripts may name one another, and fonts, in any order.
// So all are rewritten once, with marks for all assets, which shows which file
// names which, and which file nobody names. A final name is put in once
// everything that it depends on has its own. A mark has a number that its asset's
// path gives, so that other assets may come and go.
const markFormat = "/__ddc8f3a61c0_%s__"

// A digest mark stands for the digest of an asset's final bytes.
const digestFormat = "__ddc8f3a61c0_sha384_%s__"

var (
	marks       = regexp.MustCompile(`/__ddc8f3a61c0_(\d{18})__`)
	digestMarks = regexp.MustCompile(`__ddc8f3a61c0_sha384_(\d{18})__`)
	// fontFormats finds what a style sheet says of the format of an asset.
	fontFormats = regexp.MustCompile(`(url\(["']?/__ddc8f3a61c0_(\d{18})__[^"')]*["']?\)\s*format\(["']?)([\w-]+)`)
	// registered finds a service worker that a script registers by a name that was
	// put together, or that stands in a variable beside it.
	registered = regexp.MustCompile(`serviceWorker\s*\.\s*register\s*\([^()]*?/__ddc8f3a61c0_(\d{18})__`)
)

// markNumber is the number in the marks of the asset at a path.
func markNumber(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%018d", binary.BigEndian.Uint64(sum[:])%1e18)
}

func (s *static) mark() string { return fmt.Sprintf(markFormat, s.number) }

// markMap maps the addresses of assets that a text may name to their marks.
func (a *statics) markMap(text string) map[string]string {
	return a.marksOf(a.names.in(text))
}

// marksOf maps ways to write an address to marks.
func (a *statics) marksOf(spelt []string) map[string]string {
	m := make(map[string]string, len(spelt))
	for _, name := range spelt {
		m[name] = a.byPath[a.spelt[name]].mark()
	}
	return m
}

// marked gives the assets that a text has marks for, each once, in order of
// index.
func (a *statics) marked(text string) []*static {
	return a.numbered(marks.FindAllStringSubmatch(text, -1))
}

// numbered gives the assets with the numbers that a pattern has found.
func (a *statics) numbered(found [][]string) []*static {
	seen := map[int]bool{}
	for _, m := range found {
		if s := a.byNumber[m[1]]; s != nil {
			seen[s.index] = true
		}
	}
	var list []*static
	for _, i := range slices.Sorted(maps.Keys(seen)) {
		list = append(list, a.list[i])
	}
	return list
}

// unmark puts addresses in the place of marks.
func (a *statics) unmark(text string, address func(*static) string) string {
	return marks.ReplaceAllStringFunc(text, func(mark string) string {
		if s := a.byNumber[marks.FindStringSubmatch(mark)[1]]; s != nil {
			return address(s)
		}
		return mark
	})
}

// settle puts final addresses and digests in the place of marks, and lets the
// format of a font follow its bytes.
func (a *statics) settle(text string, final func(*static) *address) string {
	text = fontFormats.ReplaceAllStringFunc(text, func(format string) string {
		parts := fontFormats.FindStringSubmatch(format)
		if s := a.byNumber[parts[2]]; s != nil && final(s).repacked {
			return parts[1] + "woff2"
		}
		return format
	})
	text = a.unmark(text, func(s *static) string { return a.prefix + asset.URL(final(s).output) })
	return digestMarks.ReplaceAllStringFunc(text, func(mark string) string {
		if s := a.byNumber[digestMarks.FindStringSubmatch(mark)[1]]; s != nil {
			return final(s).integrity
		}
		return mark
	})
}
