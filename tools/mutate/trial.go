package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// How a trial of a mutant ends.
const (
	caught    = "caught"
	timedOut  = "timed out" // caught too: a hang is what the checkers look for
	survived  = "survived"
	stillborn = "does not compile"
	sameCode  = "same code"
)

// trier builds and runs checkers. It changes nothing in the tree: a mutant
// stands in an overlay of the go command.
type trier struct {
	root   string
	cache  *cache
	builds []checker // all there are: same looks at the builds of each
	budget time.Duration
	// alone is how long a checker took for a layer with nothing changed. A mutant
	// may take four times as long, and budget besides. Written before any trial.
	alone map[string]time.Duration
	say   func(format string, args ...any)
}

// memory is what a mutant may allocate, in KiB: one that allocates for ever
// must not take the machine with it.
const memory = 4 << 20

// verdict is what one checker says.
type verdict struct {
	outcome, test string
	took          time.Duration
}

// baseline runs a checker on the code as it is. One that fails there can judge
// no mutant.
func (t *trier) baseline(ctx context.Context, layer string, c checker) error {
	v, err := t.check(ctx, c, layer, nil, 10*time.Minute)
	if err != nil {
		return err
	}
	if v.outcome != survived {
		return fmt.Errorf("check %s with nothing changed: checker %s says %q (%s): mend that first", layer, c.name, v.outcome, v.test)
	}
	t.alone[c.of(layer)] = v.took
	t.say("%s: %s takes %v", layer, c.name, v.took.Round(100*time.Millisecond))
	return nil
}

// try asks the checkers about m until one catches it. known is what others have
// said before.
func (t *trier) try(ctx context.Context, m *mutant, known result, asked []checker) (result, error) {
	r := known
	for _, c := range asked {
		r.Asked = append(r.Asked, c.name)
		if !c.sees(t.root, m.file) {
			continue
		}
		v, err := t.check(ctx, c, m.layer, m, t.budget+4*t.alone[c.of(m.layer)])
		if err != nil {
			return r, err
		}
		if v.outcome != survived {
			r.Outcome, r.Checker, r.Test, r.Asked, r.Diff = v.outcome, c.name, v.test, nil, ""
			return r, nil
		}
	}
	r.Outcome, r.Diff = survived, diff(m.before, m.after)
	if known.Outcome == survived {
		return r, nil // looked at then
	}
	same, err := t.same(ctx, m)
	if same {
		r.Outcome, r.Asked = sameCode, nil
	}
	return r, err
}

// check builds a checker's tests with the mutant and runs them. No mutant is
// the code as it is.
func (t *trier) check(ctx context.Context, c checker, layer string, m *mutant, limit time.Duration) (verdict, error) {
	dir, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return verdict{}, fmt.Errorf("check %s: %w", layer, err)
	}
	defer os.RemoveAll(dir)
	folders := c.packages(layer)
	args := []string{"test", "-c", "-p", "1", "-vet=off", "-ldflags=-s -w", "-tags", c.tags, "-o", dir + "/"}
	if args, err = t.overlay(args, dir, m); err != nil {
		return verdict{}, err
	}
	for _, f := range folders {
		args = append(args, "./"+f)
	}
	if out, err := t.cache.build(ctx, t.root, args...); err != nil {
		if ctx.Err() != nil || m == nil {
			return verdict{}, fmt.Errorf("build checker %s for %s: %w: %s", c.name, layer, err, out)
		}
		return verdict{outcome: stillborn}, nil
	}
	start := time.Now()
	for _, f := range folders {
		binary := filepath.Join(dir, filepath.Base(f)+".test")
		if _, err := os.Stat(binary); errors.Is(err, os.ErrNotExist) {
			continue // a package without tests
		}
		v, err := t.run(ctx, filepath.Join(t.root, f), dir, binary, c.args, limit)
		if err != nil || v.outcome != survived {
			return v, err
		}
	}
	return verdict{outcome: survived, took: time.Since(start)}, nil
}

// overlay puts the mutant's file into dir, and the flag for it into args.
func (t *trier) overlay(args []string, dir string, m *mutant) ([]string, error) {
	if m == nil {
		return args, nil
	}
	changed, list := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(t.root, m.file): changed}})
	if err != nil {
		return nil, fmt.Errorf("write overlay: %w", err)
	}
	if err := errors.Join(os.WriteFile(changed, m.mutate(), 0o600), os.WriteFile(list, text, 0o600)); err != nil {
		return nil, fmt.Errorf("write overlay: %w", err)
	}
	return append(args, "-overlay", list), nil
}

// run runs one test program within limit, and ends whatever it started.
func (t *trier) run(ctx context.Context, folder, scratch, binary string, args []string, limit time.Duration) (verdict, error) {
	// The program gives up by itself first, and says where it hung.
	timed, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	all := append([]string{"-c", fmt.Sprintf("ulimit -d %d && exec \"$@\"", memory), "sh", binary,
		"-test.short", "-test.failfast", "-test.count=1", "-test.timeout=" + limit.String()}, args...)
	cmd := exec.CommandContext(timed, "sh", all...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "TMPDIR="+scratch)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel, cmd.WaitDelay = group, 5*time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return verdict{}, fmt.Errorf("run %s: %w", filepath.Base(binary), err)
	}
	err := cmd.Wait()
	_ = group() // children that outlived it
	switch {
	case ctx.Err() != nil:
		return verdict{}, ctx.Err()
	case err == nil:
		return verdict{outcome: survived}, nil
	case timed.Err() != nil || strings.Contains(out.String(), "panic: test timed out after"):
		return verdict{outcome: timedOut, test: running(out.String())}, nil
	}
	return verdict{outcome: caught, test: failed(out.String())}, nil
}

var (
	failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	still   = regexp.MustCompile(`(?m)^\t\t?(Test\S+) \(`)
)

// failed is the innermost test that failed first, "" where the program died.
func failed(output string) string {
	name := ""
	for _, match := range failure.FindAllStringSubmatch(output, -1) {
		if name != "" && !strings.HasPrefix(match[1], name+"/") {
			break
		}
		name = match[1]
	}
	if name == "" && strings.Contains(output, "panic: ") {
		return "panic"
	}
	return name
}

// running is the test that hung.
func running(output string) string {
	if match := still.FindStringSubmatch(output); match != nil {
		return match[1]
	}
	return ""
}
