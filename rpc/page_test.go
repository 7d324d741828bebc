package rpc

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/transport"
)

// The page that foreign programs are written by names each operation and flag
// by its number.
func TestProtocolPageHasTheOperationsAndFlagsOfTheCode(t *testing.T) {
	content, err := os.ReadFile("../docs/PROTOCOL.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(content), "## 4. RPC frames")
	require.True(t, ok)
	for name, op := range map[string]uint8{"call": opCall, "message": opMessage, "end": opEnd, "cancel": opCancel,
		"credit": opCredit, "header": opHeader, "reply": opReply, "go away": opGoAway} {
		assert.Contains(t, section, fmt.Sprintf("| %d %s |", op, name))
	}
	for text, flag := range map[string]uint8{"method name": flagMethod, "metadata": flagMetadata, "trailer metadata": flagTrailer,
		"a `google.rpc.Status`": flagStatus, "a message follows": flagMessage, "call: unary": flagUnary, "reply: the call was not begun": flagRefused} {
		assert.Regexp(t, fmt.Sprintf(`(?m)^\| %d \| %s`, flag, regexp.QuoteMeta(text)), section)
	}
	for what, number := range map[string]int{"bytes of credit": windowSize, "bytes a message costs besides": messageCost, "method ids": maxMethods,
		"bytes of a section": maxMetadata, "bytes of a message": defaultMaxMessage} {
		assert.Contains(t, section, fmt.Sprintf("| %s | %d |", what, number))
	}
	assert.Contains(t, string(content), fmt.Sprintf("| bytes of a frame's payload | %d |", transport.MaxPayload))
}
