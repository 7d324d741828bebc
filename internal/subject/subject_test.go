package subject

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallsOfAContextHaveItsSubject(t *testing.T) {
	ctx := With(t.Context(), "content/index.md")
	assert.Equal(t, "content/index.md", Of(ctx))
	assert.Equal(t, "content/index.md:14", Of(With(ctx, "content/index.md:14")))
	assert.Empty(t, Of(t.Context()))
}
