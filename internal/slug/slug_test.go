package slug_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/slug"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestSlugIsAPartOfAnAddress(t *testing.T) {
	for text, want := range map[string]string{
		"My Page": "my-page", "  a -- b_c!": "a-b-c", "Über Straße": "uber-strasse", "C++ & Go": "c-go", "日本 語": "日本-語", "!?": "", "": "", "2024.05": "2024-05",
	} {
		assert.Equal(t, want, slug.Of(text), text)
		assert.LessOrEqual(t, len(slug.Of(text)), slug.Growth*len(text))
	}
}
