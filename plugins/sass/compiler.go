package sass

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bep/godartsass/v2"

	"ddc/internal/forker"
	"ddc/internal/proc"
	"ddc/internal/sys"
	"ddc/internal/tool"
)

// A compiler is a running Dart Sass, for one compilation at a time.
type compiler struct {
	dart   *godartsass.Transpiler
	pid    int   // 0 if not known
	kills  int64 // how many processes the kernel had ended for want of memory
	memory int64 // how much it may hold, in bytes
	thread *forker.Thread
}

// start starts Dart Sass from a thread that is kept until close. If the program
// asks the kernel to be killed with its parent (setpriv --pdeathsig), the
// kernel takes the thread that forked for the parent. The messages of @warn and
// @debug go to heard. It may hold so much memory, in bytes.
func start(memory int64, heard func(godartsass.LogEvent)) (*compiler, error) {
	program, err := dartSass.Find()
	if err != nil {
		return nil, err
	}
	tool.CloseOnExec()
	c := &compiler{thread: forker.New(nil), kills: proc.OutOfMemoryKills(), memory: memory}
	c.thread.Do(func() {
		// The library does not give the PID of the process that it starts, but
		// the kernel lists what this thread has started.
		before := proc.StartedByThread()
		c.dart, err = godartsass.Start(godartsass.Options{
			DartSassEmbeddedFilename: program,
			Timeout:                  24 * time.Hour, // the caller's context decides
			LogEventHandler:          heard,
		})
		c.pid = newest(before, proc.StartedByThread())
		if c.pid != 0 {
			// Best effort: memory is looked at too, but not often enough for a
			// string that doubles.
			_ = sys.BoundData(c.pid, uint64(memory))
		}
	})
	if err != nil {
		c.thread.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return c, nil
}

// newest is the process that is only in the second list, or 0.
func newest(before, after []int) int {
	for _, pid := range after {
		if !slices.Contains(before, pid) {
			return pid
		}
	}
	return 0
}

// compile returns when Dart Sass has answered, ctx has ended, or Dart Sass
// holds too much memory. After the latter two only close may follow.
func (c *compiler) compile(ctx context.Context, args godartsass.Args) (string, error) {
	type answer struct {
		css string
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		result, err := c.dart.Execute(args)
		answered <- answer{result.CSS, err}
	}()
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	for {
		select {
		case a := <-answered:
			if a.err != nil && !errors.As(a.err, new(godartsass.SassError)) && strings.Contains(a.err.Error(), "Stack Overflow") {
				return "", tooDeep
			}
			if a.err != nil && !errors.As(a.err, new(godartsass.SassError)) && strings.Contains(a.err.Error(), "Out of Memory") {
				return "", tooLarge(c.memory)
			}
			return a.css, a.err
		case <-ctx.Done():
			return "", ctx.Err()
		case <-look.C:
			if held(c.pid) > c.memory {
				return "", tooLarge(c.memory)
			}
		}
	}
}

// ranOut is the error of a compiler that has ended because it got no more
// memory, or "": it ends itself where its bound is reached, and the kernel
// kills it where there is none left.
func (c *compiler) ranOut(state *os.ProcessState) endless {
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled() && status.Signal() == syscall.SIGABRT:
		return tooLarge(c.memory)
	case proc.MemoryRanOut(state, c.kills):
		return noMemory
	}
	return ""
}

// close interrupts Dart Sass, even during a compilation, and waits for its end.
func (c *compiler) close() error {
	defer c.thread.Close()
	if err := c.dart.Close(); err != nil && !errors.Is(err, godartsass.ErrShutdown) {
		return fmt.Errorf("end Dart Sass: %w", err)
	}
	return nil
}

// position matches how the library begins a message with a place. Lines and
// columns count from 0.
var position = regexp.MustCompile(`(?s)^` + regexp.QuoteMeta(scheme) + `(.*?):(\d+):(\d+): (.*)$`)

// log passes on the messages of @warn and @debug, and warnings about deprecated
// features.
func log(event godartsass.LogEvent) {
	message := event.Message
	if m := position.FindStringSubmatch(message); m != nil {
		line, _ := strconv.Atoi(m[2])
		column, _ := strconv.Atoi(m[3])
		message = fmt.Sprintf("%s%s:%d:%d: %s", folder, m[1], line+1, column+1, m[4])
	}
	level := slog.LevelInfo
	if event.Type == godartsass.LogEventTypeWarning {
		level = slog.LevelWarn
	}
	slog.Log(context.Background(), level, strings.TrimSpace(message))
}
