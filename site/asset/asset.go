// Package asset knows what becomes of a static file: what kind it is, the name
// that its content gives it, and the order in which files that name one another
// get their names.
//
//	hashed := asset.Hashed("css/style.css", asset.Hash(css)) // css/style.0a3dcc61e5o2.css
//
// Everything here is a function of bytes; nothing is read or written.
package asset

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"path"
	"strings"

	"ddc/internal/slug"
)

// Kind says how a static file is treated.
type Kind int

// The kinds. Plain files are copied.
const (
	Plain Kind = iota
	Picture
	Font
	Style
	Script
	Drawing
	// Manifest is for files of browsers that name icons.
	Manifest
)

// KindOf goes by the extension, in any case, and for manifests by the name.
func KindOf(name string) Kind {
	switch strings.ToLower(path.Base(name)) {
	case "manifest.json", "browserconfig.xml":
		return Manifest
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".jxl", ".avif":
		return Picture
	case ".ttf", ".otf", ".woff", ".woff2":
		return Font
	case ".css":
		return Style
	case ".js", ".mjs":
		return Script
	case ".svg":
		return Drawing
	case ".webmanifest":
		return Manifest
	default:
		return Plain
	}
}

// Integrity is the digest of data, as an integrity attribute has it.
func Integrity(data []byte) string {
	sum := sha512.Sum384(data)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// NewHash is the hash behind Hash, for files that are not held in memory.
func NewHash() hash.Hash { return sha256.New() }

// Hash names a file's content in 12 characters of "0123456acdeo", some 43 bits.
func Hash(data []byte) string {
	h := NewHash()
	h.Write(data)
	return Digits(h)
}

// Digits gives the 12 characters of a hash made by NewHash.
func Digits(h hash.Hash) string { return DigitsOf(h.Sum(nil)) }

// DigitsOf gives the 12 characters of what a hash made by NewHash has summed
// up.
func DigitsOf(sum []byte) string {
	const alphabet = "0123456acdeo"
	n := binary.BigEndian.Uint64(sum)
	var digits [digitsOfName]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = alphabet[n%uint64(len(alphabet))]
		n /= uint64(len(alphabet))
	}
	return string(digits[:])
}

// Hashed puts a hash before a name's last extension, or at its end. A name that
// has no room for it loses its last letters.
func Hashed(name, digits string) string {
	folder, base := path.Split(name)
	ext := "." + digits + path.Ext(base)
	stem := strings.TrimSuffix(base, path.Ext(base))
	if room := slug.LongestName - len(ext); len(stem) > room {
		stem = strings.ToValidUTF8(stem[:max(room, 0)], "")
	}
	return folder + stem + ext
}

// Unhashed is a name without the hash that Hashed may have put into it. False
// is for a name that has no room for one.
func Unhashed(name string) (string, bool) {
	ext := path.Ext(name)
	if len(ext) == 1+digitsOfName { // of a name without an extension
		return strings.TrimSuffix(name, ext), true
	}
	stem := strings.TrimSuffix(name, ext)
	digits := path.Ext(stem)
	return strings.TrimSuffix(stem, digits) + ext, len(digits) == 1+digitsOfName
}

// digitsOfName is how many characters of a hash are in a name.
const digitsOfName = 12

// URL is the address of a file or route. It has a leading slash, and every
// character that means something in HTML, CSS, a srcset or a URL is escaped.
func URL(name string) string {
	var b strings.Builder
	b.WriteByte('/')
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '/' && i == 0:
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// Names are the ways in which a page may write a file's address: as it is, and
// escaped.
func Names(name string) []string {
	plain, escaped := "/"+name, URL(name)
	if plain == escaped {
		return []string{plain}
	}
	return []string{plain, escaped}
}
