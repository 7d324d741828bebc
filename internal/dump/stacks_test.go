package dump

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestOwnGoroutinesAreCountedAndShown(t *testing.T) {
	var out bytes.Buffer
	Stacks(&out)
	assert.Regexp(t, `^\d+ goroutines\n`, out.String())
	assert.Contains(t, out.String(), "dump.TestOwnGoroutinesAreCountedAndShown")
	assert.Equal(t, "is a pump", waitOf("goroutine 1 [syscall]:\nddc/transport/hub.(*Link).pump(0x1)\n\t/x.go:1"))
	for _, way := range []string{"Ask", "Await"} { // both lead to the place
		assert.Equal(t, "receives in a pump's place", waitOf("goroutine 1 [syscall]:\nddc/transport/hub.(*Link).standIn(0x1)\n\t/x.go:1\nddc/transport/hub.(*Link)."+way+"(0x1)\n\t/x.go:2"))
	}
	assert.Empty(t, waitOf("goroutine 1 [syscall]:\nmain.main()\ncreated by \nddc/transport/hub.(*Link).pump(0x1)"), "who made it does not count")
}

// A plugin's log has a record for each line: a stack a line, not twenty.
func TestBriefHasALineForEachGoroutine(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for range 20 {
		go func() { <-stop }()
	}
	var brief bytes.Buffer
	Brief(&brief)
	assert.Regexp(t, `^\d+ goroutines\n`, brief.String())
	assert.Equal(t, 1, strings.Count(brief.String(), "dump.Brief() < ddc/internal/dump.TestBriefHasALineForEachGoroutine() < "))
	assert.NotContains(t, brief.String(), "\t", "no places")
	goroutines := strings.Count(brief.String(), "\ngoroutine ")
	assert.GreaterOrEqual(t, goroutines, 21)
	assert.Less(t, strings.Count(brief.String(), "\n"), goroutines+2+len(waits))
	g := goroutine{frames: "ddc/transport/hub.(*Link).pump(0x1)\n\t/x.go:1 +0x1\ncreated by main.main in goroutine 1\n\t/y.go:2 +0x2"}
	assert.Equal(t, "ddc/transport/hub.(*Link).pump()", g.line())
}

func TestStacksAreInAFileThatIsNamedLast(t *testing.T) {
	var said bytes.Buffer
	require.NoError(t, File(t.TempDir(), &said))
	assert.Regexp(t, `^\d+ goroutines\n`, said.String())
	name := regexp.MustCompile(`every goroutine's stack: (.*)\n$`).FindStringSubmatch(said.String())
	require.NotNil(t, name, said.String())
	stacks, err := os.ReadFile(name[1])
	require.NoError(t, err)
	assert.Contains(t, string(stacks), "dump.TestStacksAreInAFileThatIsNamedLast")

	said.Reset()
	assert.ErrorIs(t, File("/no such folder", &said), os.ErrNotExist)
	assert.Contains(t, said.String(), " goroutines\n", "what can be said is said")
}
