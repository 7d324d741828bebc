package suggest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/internal/suggest"
)

func TestNearestFindsWhatWasMeantAndGuessesNothingElse(t *testing.T) {
	names := []string{"title", "content", "permalink", "weight", "toc"}
	for word, want := range map[string]string{
		"titl": "title", "tilte": "title", "Titel": "title", "contents": "content",
		"perma_link": "permalink", "tco": "toc", "author": "", "x": "", "": "",
	} {
		assert.Equal(t, want, suggest.Nearest(word, names), word)
	}
	assert.Empty(t, suggest.Nearest("title", nil))
	assert.Equal(t, "aab", suggest.Nearest("aaa", []string{"aab", "aac"}), "the first of equals")
}

func TestDistanceCountsLettersNotBytes(t *testing.T) {
	assert.Equal(t, 0, suggest.Distance("é", "é"))
	assert.Equal(t, 1, suggest.Distance("né", "ne"))
	assert.Equal(t, 1, suggest.Distance("ab", "ba"), "a swap is one slip")
	assert.Equal(t, 3, suggest.Distance("", "abc"))
}

// Two names of a megabyte would be compared letter by letter: a table of 8 TB.
func TestGuessesHaveBounds(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	assert.Empty(t, suggest.Nearest(long+"b", []string{long + "c"}))
	assert.Equal(t, "title", suggest.Nearest("titel", []string{long, "title"}))
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprintf("x%04d", i))
	}
	assert.Equal(t, "x1500", suggest.Nearest("x1500", many))
	assert.NotEqual(t, "x9500", suggest.Nearest("x9500", many), "so many names are not compared")
}
