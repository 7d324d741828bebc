// Package sys holds the system calls that the transport makes, one thin
// function each. Four other packages import golang.org/x/sys/unix:
// site/output, which exchanges and locks folders, internal/bulk, which copies
// files without their holes, and internal/sandbox and internal/seccomp, which
// restrict threads.
//
// A call that sleeps is made as an ordinary system call: the runtime's monitor
// takes the processor back after some 20 µs. The alternative, giving it up at
// once as gVisor does (runtime.entersyscallblock), was measured with two Go
// processes playing ping-pong on 2 processors: 15 µs a round trip instead of
// 4.4 µs when idle, and 4 ms instead of 4.4 µs when every processor was busy,
// since the woken thread then has to queue for a processor. What the monitor's
// delay costs others was measured too: with GOMAXPROCS=1 a 1 ms timer beside a
// sleeper fired 77 µs late on average either way. Callers that sleep yield
// first, so that nothing runnable waits behind them. In a plugin, whose timers
// may be late (SetTimerSlack), it is half a millisecond.
package sys
