package scenario

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"ddc/internal/proc"
)

// storm sends SIGURG and SIGCHLD to every thread of a process, in turn, until
// ctx is done. Go programs take both for nothing, but a system call that one
// of them interrupts returns EINTR.
func storm(ctx context.Context, pid int) error {
	pause := time.NewTicker(200 * time.Microsecond)
	defer pause.Stop()
	for {
		threads, err := proc.Threads(pid)
		if errors.Is(err, os.ErrNotExist) {
			return nil // the process has ended
		}
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		for _, tid := range threads {
			for _, signal := range []syscall.Signal{syscall.SIGURG, syscall.SIGCHLD} {
				_, _, errno := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(tid), uintptr(signal))
				if errno != 0 && errno != syscall.ESRCH {
					return fmt.Errorf("send %v: %w", signal, errno)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// maxTokens is more tokens than a pipe holds (65,536), the roomiest of the
// stores that rings alone can fill.
const maxTokens = 66_000

// fill leaves so many tokens that no more fit. An eventfd's counter takes
// 2^64-2, so fill writes to it directly; it fills the store of the others by
// ringing.
func (p *wakerPair) fill() error {
	if len(p.files) == 1 {
		target, err := proc.Target(proc.Self, p.files[0].Fd())
		if err != nil {
			return err
		}
		if strings.Contains(target, "[eventfd]") {
			var most [8]byte
			binary.NativeEndian.PutUint64(most[:], 1<<64-2)
			_, err := p.files[0].Write(most[:])
			return err
		}
	}
	for range maxTokens {
		if err := p.ringer.Ring(); err != nil {
			return err
		}
	}
	return nil
}

// flip sets or clears O_NONBLOCK on files. The flag belongs to the open file,
// which all who inherited it share.
func flip(files []*os.File, nonblocking bool) error {
	for _, f := range files {
		if err := syscall.SetNonblock(int(f.Fd()), nonblocking); err != nil {
			return fmt.Errorf("flip O_NONBLOCK of %s: %w", f.Name(), err)
		}
	}
	return nil
}

// flippedFlag has the peer switch O_NONBLOCK off, and on again while tokens go
// to and fro.
func flippedFlag(ctx context.Context, e *Env) error {
	err := e.alone(ctx, func(ctx context.Context, p *wakerPair) error {
		if err := flip(p.files, false); err != nil {
			return err
		}
		// The numbers are those at which some reader's buffer is exactly full,
		// so that a read for more finds nothing: it must not block.
		for _, tokens := range []int{1, 8, 32, 64, 512, 1024, 4096, maxTokens} {
			over := make(chan struct{})
			var err error
			go func() {
				defer close(over)
				for range tokens {
					if err = p.leave(); err != nil {
						return
					}
				}
				err = inOrder(p.wait, p.idle("after the wait"))
			}()
			if err := done(ctx, fmt.Sprintf("%d rings and a wait on a blocking file", tokens), over); err != nil {
				_ = flip(p.files, true)
				_ = p.ringer.Ring()
				return err
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.ringAndWait(ctx, func(ctx context.Context, p *wakerPair) error {
		for on := false; ctx.Err() == nil; on = !on {
			if err := flip(p.files, on); err != nil {
				return err
			}
			runtime.Gosched()
		}
		return flip(p.files, true)
	})
}
