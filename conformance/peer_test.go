package conformance_test

import (
	"os"
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
	program, err := os.Executable()
	require.NoError(t, err)
	conformance.TestPeer(t, program)
}

// A program in another language: make rust passes one.
func TestPeerOfAnotherLanguage(t *testing.T) {
	program := os.Getenv("DDC_PEER")
	if program == "" {
		t.Skip("DDC_PEER names no program")
	}
	conformance.TestPeer(t, program)
}
