package notation

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFencesAreFoundWhereverTheyStand(t *testing.T) {
	for source, want := range map[string]Fences{
		"":                          {},
		"\n\n":                      {},
		"text\n+++\na\n+++\n":       {},
		"--- not a fence\n---\n":    {},
		"+++\na = 1\n+++\nbody\n":   {"+++", 1, 4, 10, 14, 4},
		"\n \n--- \na: +++\n---\nb": {"---", 3, 8, 15, 19, 6},
		"+++\n+++":                  {"+++", 1, 4, 4, 7, 3},
		"+++\na\n---\nb\n":          {Fence: "+++", Line: 1, Start: 4},
		"---":                       {Fence: "---", Line: 1, Start: 3},
	} {
		f := FindFences(source)
		assert.Equal(t, want, f, "%q", source)
		if f.Body > 0 { // what is before the body says the same by itself, and has no body
			assert.Equal(t, f, FindFences(source[:f.Body]))
		}
	}
}
