package hub

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ddc/internal/sys"
)

// minute bounds what must happen, on however busy a machine.
const minute = time.Minute

func dup(t *testing.T, files []*os.File) []*os.File {
	t.Helper()
	copies := make([]*os.File, 0, len(files))
	for _, f := range files {
		c, err := sys.Dup(f)
		require.NoError(t, err)
		copies = append(copies, c)
	}
	return copies
}
