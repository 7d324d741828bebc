package suggest_test

import (
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
