package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/conformance"
	"ddc/conformance/peer"
	"ddc/plugin"
	"ddc/plugin/agreement"
)

// serveAsPlugin serves the service that plugins are judged by, in a process
// that a host has started.
func serveAsPlugin() {
	if os.Getenv(agreement.Version) != "" {
		plugin.Main(peer.Service())
	}
}

func TestPeerInGo(t *testing.T) {
	if testing.Short() {
		t.Skip("its work is in other processes: TestTheServiceInGoPasses has the host's part")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	conformance.TestPeer(t, program)
}

// DDC_PEER names programs in other languages, with commas between them. make
// rust passes one in Rust and one in C.
func TestPeerOfAnotherLanguage(t *testing.T) {
	programs := os.Getenv("DDC_PEER")
	if programs == "" {
		t.Skip("DDC_PEER names no program")
	}
	for program := range strings.SplitSeq(programs, ",") {
		t.Run(filepath.Base(program), func(t *testing.T) { conformance.TestPeer(t, program) })
	}
}
