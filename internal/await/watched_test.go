package await

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// suite is a test binary whose tests are a function.
type suite func()

func (s suite) Run() int { s(); return 3 }

func TestTestThatWaitsIsToldOfByItsPlaceOnce(t *testing.T) {
	out := make(lines, 3)
	forever := make(chan struct{})
	var w *watched
	w = &watched{out: out, tests: suite(func() {
		t.Run("waits", func(t *testing.T) {
			go func() {
				Until(t, "the test to wait", func() bool { return Goroutines("chan receive", "waitForAHand(") == 1 })
				for range 3 {
					w.look()
				}
				close(forever)
			}()
			waitForAHand(forever)
		})
		w.look()
	})}
	assert.Equal(t, 3, w.Run())
	assert.Regexp(t, `^a test has waited 10s: chan receive in await\.waitForAHand at watched_test\.go:\d+\n$`, Value(t, "what is told", out))
	assert.Empty(t, out, "it is told once")
}

func waitForAHand(c chan struct{}) { <-c }

func TestOnlyATestsOwnWaitThatNobodyNamesIsToldOf(t *testing.T) {
	const begun = "\ntesting.tRunner(0xc0001, 0x5f)\n\t/go/src/testing/testing.go:2036 +0xea\ncreated by testing.(*T).Run in goroutine 1\n\t/go/src/testing/testing.go:2101 +0x4c5"
	const inTest = "\nddc/ring.TestRing.func1(...)\n\t/src/ring/ring_test.go:12 +0x1"
	for stack, want := range map[string]string{
		"goroutine 7 [chan receive, 2 minutes]:" + inTest + begun:                                                                        "chan receive in ring.TestRing.func1 at ring_test.go:12",
		"goroutine 7 [select]:\nddc/ring.(*Ring).Take(0xc01)\n\t/src/ring/ring.go:3 +0x2" + inTest + begun:                               "select in ring.TestRing.func1 at ring_test.go:12",
		"goroutine 7 [running]:" + inTest + begun:                                                                                        "",
		"goroutine 7 [runnable]:" + inTest + begun:                                                                                       "",
		"goroutine 7 [chan receive]:" + inTest + "\ncreated by ddc/ring.TestRing in goroutine 6\n\t/src/ring/ring_test.go:9":             "",
		"goroutine 7 [chan receive]:\ntesting.(*T).Run(0xc01, {0x1, 0x2}, 0x3)\n\t/go/src/testing/testing.go:2110 +0x1" + inTest + begun: "",
		"goroutine 7 [select]:\nddc/internal/await.receive[...](0x1)\n\t/src/internal/await/await.go:99 +0x1" + inTest + begun:           "",
	} {
		_, place := waits(stack)
		assert.Equal(t, want, place, stack)
	}
}
