package markup

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuotedLengthEndsAtTheSameQuoteUnlessThatIsEscaped(t *testing.T) {
	for text, want := range map[string]int{`"a" b`: 3, `'a"b' "`: 5, `"a\"b"c`: 6, `"a\\"b`: 5, `""`: 2} {
		length, ends := QuotedLength(text)
		assert.Equal(t, want, length, text)
		assert.True(t, ends, text)
	}
	for _, text := range []string{`"a`, `"a\"`, `"`, `"a\`} {
		length, ends := QuotedLength(text)
		assert.Len(t, text, length)
		assert.False(t, ends, text)
	}
}
