package syntax_highlight

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	pb "ddc/plugins/syntax_highlight/syntax_highlightpb"
)

func TestAPieceIsColouredOnce(t *testing.T) {
	s := New()
	request := &pb.HighlightRequest{Codes: []*pb.Code{{Code: "func f() {}\n", Language: "go"}, {Code: "func f() {}\n", Language: "rust"}, {Code: "func f() {}\n", Language: "go,2"}}}
	first, err := s.Highlight(t.Context(), request)
	require.NoError(t, err)
	s.most = 0 // whatever is coloured now is at fault
	for _, c := range request.Codes {
		_, _, known := s.seen.get(piece{c.Language, c.Code})
		assert.True(t, known, c.Language)
	}
	again, err := s.Highlight(t.Context(), request)
	require.NoError(t, err)
	for i, b := range again.Blocks {
		assert.Equal(t, first.Blocks[i].Html, b.Html)
		assert.Equal(t, first.Blocks[i].Highlighted, b.Highlighted)
	}
}

// What takes too long, or was interrupted, is not remembered.
func TestAFaultIsNotRemembered(t *testing.T) {
	s := New()
	s.most = 0
	code := &pb.Code{Code: strings.Repeat("x = 1\n", 1000), Language: "go"}
	_, err := s.Highlight(t.Context(), &pb.HighlightRequest{Codes: []*pb.Code{code}})
	require.Error(t, err)
	_, _, known := s.seen.get(piece{code.Language, code.Code})
	assert.False(t, known)
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	var s seen
	often := piece{"go", "often"}
	s.put(often, "often", true)
	for i := range 10_000 {
		s.put(piece{"go", fmt.Sprint(i)}, strings.Repeat("x", 2000), true)
		_, _, known := s.get(often)
		require.True(t, known, "after %d others", i)
		require.LessOrEqual(t, s.size, maxSeen)
	}
	assert.Less(t, len(s.young)+len(s.old), 2*maxSeen/2000+2)
	s.put(piece{"go", "large"}, strings.Repeat("x", maxSeen), true)
	_, _, known := s.get(piece{"go", "large"})
	assert.False(t, known)
}
