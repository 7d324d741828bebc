package host

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/rpc/rpctestpb"
)

// deaths are how the plugin of a test can end, by name, each with what is to be
// said of it.
var deaths = map[string]struct {
	die  func()
	said string
}{
	"nil pointer":  {func() { var p *int; go func() { *p = 1 }() }, "exit status 2: panic: runtime error: invalid memory address or nil pointer dereference; [signal SIGSEGV: segmentation violation"},
	"panic":        {func() { go panic("as told") }, "exit status 2: panic: as told"},
	"SIGSEGV":      {func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV) }, "exit status 2: SIGSEGV: segmentation violation"},
	"SIGABRT":      {func() { _ = syscall.Kill(os.Getpid(), syscall.SIGABRT) }, "exit status 2: SIGABRT: abort"},
	"SIGKILL":      {func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }, "signal: killed"},
	"exit":         {func() { os.Exit(3) }, "exit status 3"},
	"exit, spoken": {func() { fmt.Fprint(os.Stderr, "no more of this\n\n \n"); os.Exit(3) }, "exit status 3: no more of this"},
	"exit, logged": {func() {
		slog.Error("the disk is full")
		slog.Info("going")
		fmt.Fprintln(os.Stderr, "bye")
		os.Exit(3)
	}, "exit status 3: the disk is full"},
	"stack overflow": {func() { debug.SetMaxStack(1 << 20); go deeper(0) }, "exit status 2: runtime: goroutine stack exceeds 1048576-byte limit; fatal error: stack overflow"},
	"out of memory":  {exhaust, "exit status 2: runtime: out of memory: cannot allocate 67108864-byte block"},
	"throw":          {func() { new(sync.Mutex).Unlock() }, "exit status 2: fatal error: sync: unlock of unlocked mutex"},
	"concurrent map writes": {func() {
		runtime.GOMAXPROCS(4)
		m := map[int]int{}
		for range 4 {
			go func() {
				for i := 0; ; i++ {
					m[i%8] = i
				}
			}()
		}
	}, "exit status 2: fatal error: concurrent map"},
	"no thread": {func() {
		fmt.Fprintln(os.Stderr, "runtime/cgo: pthread_create failed: Resource temporarily unavailable")
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
	}, "exit status 2: runtime/cgo: pthread_create failed: Resource temporarily unavailable; SIGABRT: abort"},
	"C library": {func() {
		fmt.Fprintln(os.Stderr, "free(): invalid pointer")
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
	}, "exit status 2: free(): invalid pointer; SIGABRT: abort"},
	"hostile": {func() { go panic("\x1b]52;c;aGFoYQ==\a\u202egnp") }, `exit status 2: panic: \u001b]52;c;aGFoYQ==\u0007\u202egnp`},
	"survived": {func() {
		fmt.Fprintln(os.Stderr, "panic: of long ago, recovered")
		slog.Info("it goes on")
		fmt.Fprintln(os.Stderr, "the end")
		os.Exit(4)
	}, "exit status 4: the end"},
}

func deeper(n int) int {
	if n < 0 {
		return n
	}
	return deeper(n+1) + 1
}

// exhaust takes memory, of which from here on there are 256 MB.
func exhaust() {
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: 256 << 20, Max: 256 << 20})
	for all := [][]byte{}; ; {
		all = append(all, make([]byte, 64<<20))
		clear(all[len(all)-1])
	}
}

func TestAPluginIsSaidToHaveDiedOfWhatItDiedOf(t *testing.T) {
	h := newHost(t, Options{Attempts: 1})
	for name, death := range deaths {
		t.Run(name, func(t *testing.T) {
			in := &rpctestpb.Packet{Text: "die " + name}
			err := h.Plugin("mortal "+strings.ReplaceAll(name, " ", "-")).Invoke(t.Context(), rpctestpb.Test_Echo_FullMethodName, in, new(rpctestpb.Packet))
			require.Error(t, err)
			if strings.Contains(err.Error(), "for -race mode") {
				return // the race detector runs out of memory before the runtime does
			}
			assert.Contains(t, err.Error(), death.said)
			if !strings.Contains(death.said, ": ") {
				assert.True(t, strings.HasSuffix(err.Error(), death.said), "%v", err)
			}
			for _, dump := range []string{"[running]", "gs ", "rip ", "sp="} {
				assert.NotContains(t, err.Error(), dump)
			}
		})
	}
}

// die ends this process in one of the ways.
func die(name string) {
	deaths[name].die()
	time.Sleep(time.Minute) // what is done by another goroutine, or by the kernel, is done by then
	panic("it lives")
}

func TestWantOfMemoryIsSaidBesideHowAPluginEnded(t *testing.T) {
	assert.EqualError(t, cause(nil, "words", true, true), "exit status 0 (the kernel has ended a process since memory ran out): words")
}
