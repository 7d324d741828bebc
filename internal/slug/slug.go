// Package slug makes a part of an address of any text.
//
//	slug.Of("Über uns") // "uber-uns"
package slug

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Growth is how many times the bytes of a text its slug has at most.
const Growth = 4

// unaccented are letters that no accent can be taken from.
var unaccented = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'þ': "th", 'ı': "i"}

// Of gives small letters and digits with - between words, accents taken away.
// Letters of other scripts stay, which addresses may have.
func Of(text string) string {
	// A letter and its accents take three times the bytes at most; a letter
	// made two, and the - before it, take no more.
	var b strings.Builder
	pending := false
	for _, c := range strings.ToLower(norm.NFD.String(text)) {
		word := unaccented[c]
		switch {
		case word != "":
		case unicode.Is(unicode.Mn, c):
			continue
		case unicode.IsLetter(c), unicode.IsDigit(c):
			word = string(c)
		default:
			pending = b.Len() > 0
			continue
		}
		if pending {
			b.WriteByte('-')
			pending = false
		}
		b.WriteString(word)
	}
	return b.String()
}

// No file system takes a longer name, and few that sites are copied to take a
// longer path.
const LongestName, LongestPath = 255, 1024

// Trouble says why an address, without the slash before it, can be that of no
// file; "" where it can.
func Trouble(address string) string {
	if strings.ContainsRune(address, 0) {
		return "its address has a NUL, which no file's name can have"
	}
	if len(address) > LongestPath {
		return fmt.Sprintf("its address has %d bytes, and a file's path has %d at most", len(address), LongestPath)
	}
	for part := range strings.SplitSeq(address, "/") {
		if len(part) > LongestName {
			return fmt.Sprintf("its address has a part of %d bytes, and a file's name has %d at most", len(part), LongestName)
		}
	}
	return ""
}
