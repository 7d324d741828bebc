package peers

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// envPin places the two processes by hand: "apart" puts them on processors 0
// and 1, "together" both on 0. Where the kernel places them makes more of a
// difference than anything else, and it may choose otherwise each time.
const envPin = "BENCH_PIN"

// pin does what envPin says to this process. The other one calls it first
// thing, this one once the other has started: affinity is inherited, and a
// program that finds one processor does not spin.
func pin(here bool) error {
	processor := 0
	switch where := os.Getenv(envPin); where {
	case "":
		return nil
	case "together":
	case "apart":
		if !here {
			processor = 1
		}
	default:
		return fmt.Errorf("%s=%q: together or apart", envPin, where)
	}
	return runOn(processor)
}

// runOn leaves this process the processors given.
func runOn(processors ...int) error {
	var set unix.CPUSet
	for _, p := range processors {
		set.Set(p)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads { // those to come inherit it
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("run on processors %v: %w", processors, err)
		}
	}
	return nil
}

// place pins this process for the rest of a benchmark. What it calls must have
// started by then.
func place(b *testing.B) {
	b.Helper()
	if os.Getenv(envPin) == "" {
		return
	}
	require.NoError(b, pin(true))
	b.Cleanup(func() { require.NoError(b, runOn(0, 1)) })
}
