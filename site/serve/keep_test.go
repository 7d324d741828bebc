package serve_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/internal/await"
	"ddc/site/serve"
)

func TestWhatIsKnownIsKeptWhenNobodyAsksAndAtTheEnd(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("<p>one</p>"))
	kept := func() []bool {
		s.site.mu.Lock()
		defer s.site.mu.Unlock()
		return slices.Clone(s.site.kept)
	}
	await.Until(t, "it to be kept", func() bool { return len(kept()) == 1 })
	s.save("content/index.html", html("<p>two</p>"))
	s.next("the change")
	await.Until(t, "it to be kept again", func() bool { return len(kept()) == 2 })
	s.get("/")
	s.stop()
	all := kept() // once more before the end if nobody has asked for seconds
	assert.GreaterOrEqual(t, len(all), 3)
	assert.Equal(t, len(all)-1, slices.Index(all, true), "at the end nobody asks any more: %v", all)
}
