package host

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host that has no processor for a while finds the deadline over, and the
// words in the pipe. A child of the plugin holds its end open, and would write
// for ever.
func TestLastWordsAreReadThoughTheTimeForThemIsOver(t *testing.T) {
	o, err := newOutput()
	require.NoError(t, err)
	said := strings.Repeat("no more of this\n", 2000)
	_, err = o[1].theirs.WriteString(said)
	require.NoError(t, err)
	for _, end := range o {
		require.NoError(t, end.ours.SetReadDeadline(time.Unix(1, 0)))
		heard, err := io.ReadAll(&toTheEnd{file: end.ours})
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, map[string]string{"stderr": said}[end.name], string(heard))
	}

	endless := &toTheEnd{file: o[0].ours, late: pipeful}
	_, err = o[0].theirs.WriteString(said)
	require.NoError(t, err)
	_, err = endless.Read(make([]byte, 10))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	o.letGo()
	require.NoError(t, o.close())
}
