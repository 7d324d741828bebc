package agreement

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/wake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// lookup reads a list of variables as a process reads its environment.
func lookup(environ []string) func(string) string {
	return func(name string) string {
		for _, variable := range environ {
			if key, value, _ := strings.Cut(variable, "="); key == name {
				return value
			}
		}
		return ""
	}
}

// everything are terms that set each variable.
var everything = Terms{NoPrograms: true, GRPC: true, Versions: Versions{1, 1}, HostServes: true}

func TestAPluginReadsTheTermsThatItsHostHasSet(t *testing.T) {
	spin, err := wake.ParseSpin((20 * time.Microsecond).String())
	require.NoError(t, err)
	for _, terms := range []Terms{
		{},
		{Name: "fonts", Hub: "v3 peer=3", Spin: spin, Level: slog.LevelWarn, Requests: rpc.Bounds{Bytes: 1, Fields: 2, Decoded: 3}, Live: 1 << 40, NoPrograms: true},
		{Name: "fonts", GRPC: true},
		{Name: "fonts", Versions: Versions{2, 4}, HostServes: true},
	} {
		read, err := Read(lookup(terms.Environ()))
		require.NoError(t, err)
		assert.Equal(t, terms, read)
	}
}

func TestTermsOfAnotherVersionAreRefused(t *testing.T) {
	_, err := Read(lookup(nil))
	assert.ErrorIs(t, err, ErrNoHost)
	_, err = Read(lookup([]string{Version + "=1"}))
	assert.ErrorContains(t, err, `the host starts plugins of version "1", this one is of version "2"`)
	_, err = Read(lookup([]string{Version + "=" + version, carriedBy + "=pigeon"}))
	assert.ErrorContains(t, err, `DDC_PLUGIN_TRANSPORT: "pigeon" is none of grpc`)
	for _, wrong := range []string{"2", "4-2", "0-1", "a-b", "1-2-3"} {
		_, err = Read(lookup([]string{Version + "=" + version, logLevel + "=INFO", spin + "=auto", versions + "=" + wrong}))
		assert.ErrorContains(t, err, "DDC_PLUGIN_VERSIONS: ", wrong)
	}
}

// A variable that is missing from some terms would otherwise come from the
// host's own environment: from its own host, say.
func TestWhatIsNotAlwaysSaidIsNeverInherited(t *testing.T) {
	always := (Terms{}).Environ()
	for _, variable := range everything.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		assert.True(t, IsSaidAnew(name) || lookup(always)(name) != "", name)
	}
	assert.True(t, IsSaidAnew("DDC_PLUGIN_WARDENS"))
	assert.False(t, IsSaidAnew("DDC_TOOLS"))
}

// A program in another language is written by the page, and knows no other
// variables.
func TestProtocolPageNamesEachVariableAndTheVersions(t *testing.T) {
	content, err := os.ReadFile("../../docs/PROTOCOL.md")
	require.NoError(t, err)
	page := string(content)
	for _, variable := range everything.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		assert.Contains(t, page, "| `"+name+"` | ")
	}
	assert.Contains(t, page, "what a plugin inherits (agreement "+version+")")
	assert.Contains(t, page, "| `DDC_PLUGIN` | the version of this agreement: `"+version+"`")
	assert.Contains(t, strings.Join(strings.Fields(page), " "), "A host accepts one version of each: agreement "+version+", layout ")
	assert.Contains(t, page, fmt.Sprintf("\n| %d | the lifeline", LifelineFD))
	assert.Contains(t, page, fmt.Sprintf("\n| %d | the hub's memory", HubFD))
	assert.Contains(t, page, fmt.Sprintf("as descriptor %d, a connected socket", SocketFD))
	assert.Contains(t, page, fmt.Sprintf("with status %d |", ExitExhausted))
}

// So does the crate for plugins in Rust.
func TestRustSpeaksThisVersion(t *testing.T) {
	content, err := os.ReadFile("../../sdk/rust/src/agreement.rs")
	require.NoError(t, err)
	assert.Contains(t, string(content), fmt.Sprintf("const VERSION: &str = %q;", version))
}
