package fonts

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// alsoShown are the letters that browsers may show in the place of a text's
// own.
func (s *style) alsoShown(text string) string {
	var more strings.Builder
	if !isASCII(text) {
		more.WriteString(inOtherForms(text))
	}
	if s.recased {
		more.WriteString(recased(text))
	}
	if s.mirrored {
		more.WriteString(mirrors(text))
	}
	return more.String()
}

// inOtherForms adds what stands for a letter that a font may not have: one
// letter for a letter and its accent, the two for a letter that few fonts have,
// and the hyphens of which one serves for another.
func inOtherForms(text string) string {
	var more strings.Builder
	if strings.ContainsAny(text, "\u00ad\u2010\u2011") { // a soft hyphen shows as one
		more.WriteString("-\u2010")
	}
	if !norm.NFC.IsNormalString(text) {
		more.WriteString(norm.NFC.String(text))
	}
	for _, r := range text {
		const common = 0x17f // letters with accents that any font has whole
		if r > common && !norm.NFD.IsNormalString(string(r)) {
			more.WriteString(norm.NFD.String(string(r)))
		}
	}
	return more.String()
}

// recased is a text in the cases that text-transform and small capitals make,
// in any language: Turkish has two letters i, Greek leaves accents out, and
// some letters become two.
func recased(text string) string {
	all := text
	if !isASCII(text) {
		all += norm.NFKD.String(text)
	}
	all += strings.ToUpper(all) + strings.ToLower(all) + strings.ToTitle(all)
	if strings.ContainsAny(text, "iI") {
		all += "İı"
	}
	if strings.ContainsAny(text, "ßẞ") {
		all += "SSssẞß"
	}
	return all
}

// pairs are signs that are shown as each other where text runs from right to
// left.
const pairs = "()[]{}<>«»‹›≤≥⟨⟩⟦⟧≪≫⁅⁆"

func mirrors(text string) string {
	var more strings.Builder
	signs := []rune(pairs)
	for i, sign := range signs {
		if strings.ContainsRune(text, sign) {
			more.WriteRune(signs[i^1])
		}
	}
	return more.String()
}

// runsLeft says whether a page may have text that runs from right to left.
func runsLeft(page string) bool {
	if strings.Contains(strings.ToLower(page), "rtl") {
		return true
	}
	return strings.ContainsFunc(page, func(r rune) bool {
		return r >= 0x590 && unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam, unicode.Hanifi_Rohingya, unicode.Samaritan, unicode.Mandaic) || r == '\u200f'
	})
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}

// quoteMarks are those of all languages: a <q> has the marks of the page's.
const quoteMarks = "“”‘’„‚«»‹›「」『』\""

// emphasis are the marks of text-emphasis-style.
const emphasis = "•◦●○◎◉▲△﹅﹆"

// showsStrings says whether strings in a declaration are shown as text.
func showsStrings(name string) bool {
	switch name {
	case "content", "quotes", "list-style", "list-style-type", "text-overflow", "hyphenate-character", "string-set",
		"symbols", "additive-symbols", "prefix", "suffix", "negative", "pad":
		return true
	}
	return strings.Contains(name, "text-emphasis")
}

// counterStyles are the letters of the styles of counters. Digits are given to
// every list. None is ever changed.
var counterStyles = []struct{ name, letters string }{
	{"lower-alpha", span('a', 'z')}, {"lower-latin", span('a', 'z')}, {"upper-alpha", span('A', 'Z')}, {"upper-latin", span('A', 'Z')},
	{"lower-roman", "ivxlcdm"}, {"upper-roman", "IVXLCDM"}, {"lower-greek", "αβγδεζηθικλμνξοπρστυφχψω"},
	{"armenian", span('Ա', 'Ֆ') + span('ա', 'և')}, {"georgian", span('ა', 'ჿ')}, {"hebrew", span('א', 'ת') + "׳״"},
	{"hiragana", span('ぁ', 'ゖ') + "、"}, {"katakana", span('ァ', 'ヺ') + "、"}, {"ethiopic", span('፩', '፼') + "/"},
	{"cjk-", han}, {"japanese-", han + "マイナス"}, {"chinese-", han}, {"korean-", han + "영일이삼사오육칠팔구십백천만억조마너스"},
	{"disclosure-", "▸▾◂"}, {"arabic-indic", span('٠', '٩')}, {"persian", span('۰', '۹')}, {"bengali", span('০', '৯')}, {"cambodian", span('០', '៩')},
	{"khmer", span('០', '៩')}, {"devanagari", span('०', '९')}, {"gujarati", span('૦', '૯')}, {"gurmukhi", span('੦', '੯')}, {"kannada", span('೦', '೯')},
	{"lao", span('໐', '໙')}, {"malayalam", span('൦', '൯')}, {"mongolian", span('᠐', '᠙')}, {"myanmar", span('၀', '၉')}, {"oriya", span('୦', '୯')},
	{"tamil", span('௦', '௯')}, {"telugu", span('౦', '౯')}, {"thai", span('๐', '๙')}, {"tibetan", span('༠', '༩')},
}

// han are the digits of Chinese, Japanese and Korean, plain and formal, and the
// stems and branches.
const han = "〇零一二三四五六七八九十百千万萬亿億兆负負壹壱贰貳弐叁參参肆伍陆陸柒漆捌玖拾佰仟阡佰、" +
	"甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"

func span(first, last rune) string {
	var letters strings.Builder
	for r := first; r <= last; r++ {
		letters.WriteRune(r)
	}
	return letters.String()
}

// counterLetters gives the letters of the counter styles that a value in lower
// case names.
func counterLetters(value string) string {
	var letters string
	for _, style := range counterStyles {
		if strings.Contains(value, style.name) {
			letters += style.letters
		}
	}
	return letters
}
