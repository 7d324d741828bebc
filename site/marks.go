package site

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"ddc/site/asset"
)

// A mark stands for the address of an asset whose final name is not known yet.
// Pages, style sheets and scripts may name one another, and fonts, in any order.
// So all are rewritten once, with marks for all assets, which shows which file
// names which, and which file nobody names. A final name is put in once
// everything that it depends on has its own.
const markFormat = "/__ddc8f3a61c0_%06d__"

// A digest mark stands for the digest of an asset's final bytes.
const digestFormat = "__ddc8f3a61c0_sha384_%06d__"

var (
	marks       = regexp.MustCompile(`/__ddc8f3a61c0_(\d{6})__`)
	digestMarks = regexp.MustCompile(`__ddc8f3a61c0_sha384_(\d{6})__`)
	// fontFormats finds what a style sheet says of the format of an asset.
	fontFormats = regexp.MustCompile(`(url\(["']?/__ddc8f3a61c0_(\d{6})__[^"')]*["']?\)\s*format\(["']?)([\w-]+)`)
)

func markOf(s *static) string { return fmt.Sprintf(markFormat, s.index) }

// markMap maps every address at which an asset may be asked for to its mark, for
// the files that keep selects.
func (b *build) markMap(keep func(*static) bool) map[string]string {
	m := make(map[string]string, len(b.statics))
	for _, s := range b.statics {
		if !keep(s) {
			continue
		}
		for _, name := range asset.Names(s.path) {
			m[name] = markOf(s)
		}
	}
	return m
}

func every(*static) bool { return true }

// byMark finds the asset whose number a mark has, or nil.
func (b *build) byMark(number string) *static {
	if i, err := strconv.Atoi(number); err == nil && i < len(b.statics) {
		return b.statics[i]
	}
	return nil
}

// marked gives the assets that a text has marks for, each once, in order of
// index.
func (b *build) marked(text string) []*static {
	seen := map[int]bool{}
	for _, m := range marks.FindAllStringSubmatch(text, -1) {
		if s := b.byMark(m[1]); s != nil {
			seen[s.index] = true
		}
	}
	var found []*static
	for _, i := range slices.Sorted(maps.Keys(seen)) {
		found = append(found, b.statics[i])
	}
	return found
}

// unmark puts addresses in the place of marks.
func (b *build) unmark(text string, address func(*static) string) string {
	return marks.ReplaceAllStringFunc(text, func(mark string) string {
		if s := b.byMark(marks.FindStringSubmatch(mark)[1]); s != nil {
			return address(s)
		}
		return mark
	})
}

// final puts final addresses and digests in the place of marks, and lets the
// format of a font follow its bytes. It is called once all assets have names.
func (b *build) final(text string) string {
	text = fontFormats.ReplaceAllStringFunc(text, func(format string) string {
		parts := fontFormats.FindStringSubmatch(format)
		if s := b.byMark(parts[2]); s != nil && s.repacked() {
			return parts[1] + "woff2"
		}
		return format
	})
	text = b.unmark(text, func(s *static) string { return asset.URL(s.output) })
	return digestMarks.ReplaceAllStringFunc(text, func(mark string) string {
		s := b.byMark(digestMarks.FindStringSubmatch(mark)[1])
		if s == nil {
			return mark
		}
		if s.integrity == "" {
			s.integrity = asset.Integrity([]byte(s.text))
		}
		return s.integrity
	})
}
