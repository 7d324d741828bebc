package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"ddc/internal/proc"
	"ddc/site"
	"ddc/site/config"
)

// signals makes calls while every thread of every plugin is interrupted again
// and again, as by Go's scheduler, a profiler or a terminal.
func (w *workload) signals(ctx context.Context) error {
	calling, done := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for calling.Err() == nil {
			for _, p := range w.host.Plugins() {
				if look, ok := p.Look(); ok {
					interruptThreads(look.PID)
				}
			}
			interruptThreads(os.Getpid())
		}
	}()
	err := w.bursts(ctx, workers/4, w.Calls/4)
	if err == nil {
		err = w.single(ctx)
	}
	done()
	<-ended
	return err
}

// interruptThreads sends SIGURG to every thread of a process. Go takes the
// signal for its own and ignores it.
func interruptThreads(pid int) {
	threads, err := proc.Threads(pid)
	if err != nil {
		return // it has ended
	}
	for _, tid := range threads {
		_, _, _ = syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(tid), uintptr(syscall.SIGURG))
	}
}

// build builds the site with the plugins, and compares the output with what it
// must be.
func (w *workload) build(ctx context.Context) error {
	w.begun.Add(1)
	defer w.ended.Add(1)
	tree, err := buildSite(ctx, w.Site, w.Output, func(name string) grpc.ClientConnInterface { return w.host.Conn(name) })
	if err != nil {
		return fmt.Errorf("build the site: %w", err)
	}
	if tree != w.Tree {
		return fmt.Errorf("%w: the site differs from that which is built in one process", errCorrupt)
	}
	w.answered.Add(1)
	return nil
}

// buildSite builds a site and gives the hash of what came out.
func buildSite(ctx context.Context, folder, output string, conn func(string) grpc.ClientConnInterface) (string, error) {
	cfg, err := config.Load(folder, config.Overrides{Output: output})
	if err != nil {
		return "", err
	}
	if _, err := site.Build(ctx, cfg, site.Connect(conn), site.Options{NoCodeExec: true}); err != nil {
		return "", err
	}
	return hashTree(output)
}

func hashTree(folder string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		fmt.Fprintf(sum, "%s %d %x\n", relative, len(content), sha256.Sum256(content))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the site that was built: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// death kills a plugin while it is called. Its calls are made again on the next
// run, by package plugin.
func (w *workload) death(ctx context.Context) error {
	name := w.names[len(w.names)/2]
	victim, ok := w.host.Plugin(name).Look()
	if !ok {
		return fmt.Errorf("plugin %s does not run", name)
	}
	w.log.kills(name)
	return each(ctx, 2*ringCells+1, func(ctx context.Context, i int) error {
		if i == 0 {
			time.Sleep(time.Millisecond) // into the middle of the calls, or not: either must do
			if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill plugin %s: %w", name, err)
			}
			return nil
		}
		for range 8 {
			if err := w.call(ctx, name, methodEcho, 32); err != nil {
				return err
			}
		}
		return nil
	})
}

// end closes the host. Its watcher sees a call that does not end.
func (w *workload) end(ctx context.Context) error {
	w.begun.Add(1)
	defer w.ended.Add(1)
	closed := make(chan error, 1)
	go func() { closed <- w.host.Close() }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// verdictOf turns an error into a verdict. If a link finds corrupt data and
// ends, that is a failed call, since nobody got a wrong answer.
func verdictOf(err error) Verdict {
	if errors.Is(err, errCorrupt) {
		return Corrupt
	}
	return Failed
}
