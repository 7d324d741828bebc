package subject

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestCallsOfAContextHaveItsSubject(t *testing.T) {
	ctx := With(t.Context(), "content/index.md")
	assert.Equal(t, "content/index.md", Of(ctx))
	assert.Equal(t, "content/index.md:14", Of(With(ctx, "content/index.md:14")))
	assert.Empty(t, Of(t.Context()))
}
