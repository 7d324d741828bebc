package site

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ddc/site/asset"
)

// A mark stands for the address of an asset whose final name is not known yet.
// Pages, style sheets and scripts may name one another, and fonts, in any
// order. So all are rewritten once, with marks for all assets, which shows
// which file names which, and which file nobody names. A final name is put in
// once everything that it depends on has its own. A mark has a number that its
// asset's path gives, so that other assets may come and go.
const markFormat = beforeMark + "%s" + afterMark

// A digest mark stands for the digest of an asset's final bytes.
const digestFormat = beforeDigest + "%s" + afterMark

// What stands around a mark's number.
const (
	beforeMark   = "/__ddc8f3a61c0_"
	beforeDigest = "__ddc8f3a61c0_sha384_"
	digitsOfMark = 18
	afterMark    = "__"
)

var (
	// fontFormats finds what a style sheet says of the format of an asset.
	fontFormats = regexp.MustCompile(`(url\(["']?/__ddc8f3a61c0_(\d{18})__[^"')]*["']?\)\s*format\(["']?)([\w-]+)`)
	// registered finds a service worker that a script registers by a name that
	// was put together, or that stands in a variable beside it.
	registered = regexp.MustCompile(`serviceWorker\s*\??\.\s*register\s*\([^()]*?/__ddc8f3a61c0_(\d{18})__`)
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
	return a.inOrder(numbersIn(text, beforeMark))
}

// numbered gives the assets with the numbers that a pattern has found.
func (a *statics) numbered(found [][]string) []*static {
	numbers := make([]string, len(found))
	for i, m := range found {
		numbers[i] = m[1]
	}
	return a.inOrder(numbers)
}

// inOrder gives the assets with some numbers, each once, in order of index.
func (a *statics) inOrder(numbers []string) []*static {
	seen := map[int]bool{}
	for _, n := range numbers {
		if s := a.byNumber[n]; s != nil {
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
	return a.instead(text, beforeMark, address)
}

// settle puts final addresses and digests in the place of marks, and lets the
// format of a font follow its bytes.
func (a *statics) settle(text string, final func(*static) *address) string {
	if strings.Contains(text, "format(") {
		text = a.withFormats(text, final)
	}
	text = a.unmark(text, func(s *static) string { return a.prefix + asset.URL(final(s).output) })
	return a.instead(text, beforeDigest, func(s *static) string { return final(s).integrity })
}

// withFormats lets the formats that a style sheet says of fonts follow their
// bytes.
func (a *statics) withFormats(text string, final func(*static) *address) string {
	return fontFormats.ReplaceAllStringFunc(text, func(format string) string {
		parts := fontFormats.FindStringSubmatch(format)
		if s := a.byNumber[parts[2]]; s != nil && final(s).repacked {
			return parts[1] + "woff2"
		}
		return format
	})
}

// instead puts something in the place of the marks that begin so.
func (a *statics) instead(text, before string, with func(*static) string) string {
	var out strings.Builder
	done := 0
	for at, number := range marksIn(text, before) {
		s := a.byNumber[number]
		if s == nil {
			continue
		}
		if done == 0 {
			out.Grow(len(text) + len(text)/16)
		}
		out.WriteString(text[done:at])
		out.WriteString(with(s))
		done = at + len(before) + len(number) + len(afterMark)
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// marksIn are the marks of a text that begin so: where, and of which number.
func marksIn(text, before string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for from := 0; ; {
			at := strings.Index(text[from:], before)
			if at < 0 {
				return
			}
			at += from
			from = at + 1
			begun := at + len(before)
			number, _, _ := strings.Cut(text[begun:min(begun+digitsOfMark+len(afterMark), len(text))], afterMark)
			if len(number) != digitsOfMark || strings.Trim(number, "0123456789") != "" {
				continue
			}
			from = begun + digitsOfMark + len(afterMark)
			if !yield(at, number) {
				return
			}
		}
	}
}

func numbersIn(text, before string) (numbers []string) {
	for _, number := range marksIn(text, before) {
		numbers = append(numbers, number)
	}
	return numbers
}
