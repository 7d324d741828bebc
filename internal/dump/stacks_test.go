package dump

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOwnGoroutinesAreCountedAndShown(t *testing.T) {
	var out bytes.Buffer
	Stacks(&out)
	assert.Regexp(t, `^\d+ goroutines\n`, out.String())
	assert.Contains(t, out.String(), "dump.TestOwnGoroutinesAreCountedAndShown")
	assert.Equal(t, "is a pump", waitOf("goroutine 1 [syscall]:\nddc/transport/hub.(*Link).pump(0x1)\n\t/x.go:1"))
	assert.Empty(t, waitOf("goroutine 1 [syscall]:\nmain.main()\ncreated by \nddc/transport/hub.(*Link).pump(0x1)"), "who made it does not count")
}
