package syntax_highlight

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	pb "ddc/plugins/syntax_highlight/syntax_highlightpb"
)

func TestCodeThatTakesTooLongToColourIsRefused(t *testing.T) {
	lexer := lexerFor("html")
	left := time.Duration(0)
	_, _, err := spans(t.Context(), lexer, strings.Repeat("<script>", 2*tokensAtOnce), &left)
	assert.Equal(t, errTooMuchWork, err)
	assert.Negative(t, left, "what it took is gone for the pieces after it")
	left = time.Minute
	_, done, err := spans(t.Context(), lexer, strings.Repeat("<script>", 2*tokensAtOnce), &left)
	require.NoError(t, err)
	assert.True(t, done)
	assert.Less(t, left, time.Minute)
	slow := &pb.Code{Language: "html", Code: strings.Repeat("<script>", 2*tokensAtOnce), Line: 7}
	_, err = (&Service{most: 0}).Highlight(t.Context(), &pb.HighlightRequest{Codes: []*pb.Code{{Code: "a"}, slow}})
	assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	faults := diagnostic.Of(err)
	require.Len(t, faults, 1)
	assert.Equal(t, 7, faults[0].Line, "the line of the piece that takes too long")
}

// A name is compared with the pattern of every language's files.
func TestNameOfALanguageAsLongAsABookIsNotLookedUp(t *testing.T) {
	assert.Nil(t, named(strings.Repeat("a", longestName+1)))
	answer := highlight(t, strings.Repeat("a", 1_000_000), "<b>")
	assert.False(t, answer.Highlighted)
	assert.Equal(t, "&lt;b&gt;", answer.Html)
	for _, lexer := range lexersOf(t) {
		assert.LessOrEqual(t, len(lexer), longestName)
	}
}

// lexersOf names all languages.
func lexersOf(t *testing.T) []string {
	t.Helper()
	answer, err := New().Languages(t.Context(), &pb.LanguagesRequest{})
	require.NoError(t, err)
	require.NotEmpty(t, answer.Languages)
	return answer.Languages
}
