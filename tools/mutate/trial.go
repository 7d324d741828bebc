package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How a trial of a mutant ends.
const (
	caught    = "caught"
	timedOut  = "timed out" // caught too: a hang is what the checkers look for
	survived  = "survived"
	undecided = "undecided" // one run hung and another did not, or the code as it is did too
	stillborn = "does not compile"
	sameCode  = "same code"
)

// trier builds and runs checkers. It changes nothing in the tree: a mutant
// stands in an overlay of the go command.
type trier struct {
	root    string
	scratch string // for what lasts as long as the run
	cache   *cache
	builds  []checker // all there are: same looks at the builds of each
	// budget is what a rung may take besides five times what it takes with
	// nothing changed.
	budget  time.Duration
	schemas map[string]*schema // by layer; written before any trial
	say     func(format string, args ...any)

	mu     sync.Mutex
	judges map[string]*judge // by layer and checker
}

// memory is what a mutant may allocate, in KiB: one that allocates for ever
// must not take the machine with it.
const memory = 4 << 20

// verdict is what one checker says.
type verdict struct {
	outcome, test string
	output        []byte
}

// failure is a verdict on the code as it is that is not the one it should be.
func (v verdict) failure() error {
	if v.outcome == survived || v.outcome == "" {
		return nil
	}
	return fmt.Errorf("%s: %s", v.outcome, v.test)
}

// try asks the checkers about m until one catches it. known is what others have
// said before.
func (t *trier) try(ctx context.Context, m *mutant, known result, asked []checker) (result, error) {
	r := known
	doubt := false
	for _, c := range asked {
		r.Asked = append(r.Asked, c.name)
		if !c.sees(t.root, m.file) {
			continue
		}
		v, err := t.check(ctx, c, m)
		if err != nil {
			return r, err
		}
		switch v.outcome {
		case undecided:
			doubt = true // another checker may be sure
		case survived:
		default:
			r.Outcome, r.Checker, r.Test, r.Asked, r.Diff = v.outcome, c.name, v.test, nil, ""
			return r, nil
		}
	}
	r.Diff = diff(m.before, m.after)
	if doubt {
		r.Outcome, r.Asked = undecided, nil
		return r, nil
	}
	r.Outcome = survived
	if len(r.unasked(t.builds)) > 0 {
		return r, nil // a build is for those that nobody caught
	}
	same, err := t.same(ctx, m)
	if same {
		r.Outcome, r.Asked = sameCode, nil
	}
	return r, err
}

// check runs a checker's tests on a mutant.
func (t *trier) check(ctx context.Context, c checker, m *mutant) (verdict, error) {
	j, err := t.ready(ctx, c, m.layer)
	if err != nil {
		return verdict{}, err
	}
	number, switched := j.schema.numbers[m.key()]
	folder := ""
	var on []string
	if switched {
		on = []string{fmt.Sprintf("%s=%d", switchVariable, number)}
	} else {
		if folder, err = os.MkdirTemp("", "mutant-"); err != nil {
			return verdict{}, fmt.Errorf("check %s: %w", m.layer, err)
		}
		defer os.RemoveAll(folder)
		if out, err := t.compile(ctx, c, m.layer, folder, map[string][]byte{m.file: m.mutate()}); err != nil {
			if ctx.Err() != nil {
				return verdict{}, fmt.Errorf("build checker %s for %s: %w: %s", c.name, m.layer, err, out)
			}
			return verdict{outcome: stillborn}, nil
		}
	}
	for _, sound := range j.programs {
		changed := sound
		if !switched {
			changed = &program{folder: sound.folder, binary: filepath.Join(folder, filepath.Base(sound.binary))}
		}
		for _, r := range j.order(sound) {
			if err := t.known(ctx, sound, c, r); err != nil {
				return verdict{}, err
			}
			if !j.meets(r, m) {
				continue
			}
			v, err := t.climb(ctx, c, trial{sound: sound, changed: changed, rung: r, on: on})
			if err != nil || v.outcome != survived {
				j.credit(r)
				return v, err
			}
		}
	}
	return verdict{outcome: survived}, nil
}

// trial is one rung for one mutant, and the program without it.
type trial struct {
	sound, changed *program
	rung           *rung
	on             []string
}

// climb runs one rung. A busy machine can make any test slow, so a run that
// hangs is judged by a second, of the one test that hung, and the code as it is
// has to pass that test in a quarter of the time just then.
func (t *trier) climb(ctx context.Context, c checker, a trial) (verdict, error) {
	limit := t.budget + 5*a.rung.alone
	v, err := t.run(ctx, a.changed, c, a.rung, a.on, limit)
	if err != nil || v.outcome != timedOut {
		return v, err
	}
	hung := a.rung
	if top, _, _ := strings.Cut(v.test, "/"); top != "" && len(c.rungs) == 0 {
		hung = &rung{tests: []string{"^" + top + "$"}}
	}
	limit *= 2
	again, err := t.run(ctx, a.changed, c, hung, a.on, limit)
	switch {
	case err != nil || again.outcome == caught:
		return again, err
	case again.outcome == timedOut:
		control, err := t.run(ctx, a.sound, c, hung, nil, limit/4)
		if err != nil || control.outcome == survived {
			return again, err
		}
		return verdict{outcome: undecided}, nil
	}
	v, err = t.run(ctx, a.changed, c, a.rung, a.on, 2*limit)
	if v.outcome == timedOut {
		v.outcome = undecided
	}
	return v, err
}

// compile builds a checker's programs for a layer into dir, with these files
// instead of the tree's.
func (t *trier) compile(ctx context.Context, c checker, layer, dir string, files map[string][]byte) ([]byte, error) {
	folders := c.packages(layer)
	if len(folders) == 0 {
		return nil, nil
	}
	args := []string{"test", "-c", "-p", "1", "-vet=off", "-ldflags=-s -w", "-tags", c.tags, "-o", dir + "/"}
	if c.race {
		args = append(args, "-race")
	}
	args, err := t.overlay(args, dir, files)
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		args = append(args, "./"+f)
	}
	return t.cache.build(ctx, t.root, args...)
}

// overlay puts files into dir, and the flag for them into args.
func (t *trier) overlay(args []string, dir string, files map[string][]byte) ([]string, error) {
	if len(files) == 0 {
		return args, nil
	}
	replace := map[string]string{}
	for name, text := range files {
		changed := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(changed, text, 0o600); err != nil {
			return nil, fmt.Errorf("write overlay: %w", err)
		}
		replace[filepath.Join(t.root, name)] = changed
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, fmt.Errorf("write overlay: %w", err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return nil, fmt.Errorf("write overlay: %w", err)
	}
	return append(args, "-overlay", list), nil
}

// run runs a rung of a test program within limit, with env besides, and ends
// whatever it started.
func (t *trier) run(ctx context.Context, p *program, c checker, r *rung, env []string, limit time.Duration) (verdict, error) {
	scratch, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return verdict{}, fmt.Errorf("run %s: %w", filepath.Base(p.binary), err)
	}
	defer os.RemoveAll(scratch)
	// The program gives up by itself first, and says where it hung.
	timed, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	limits := fmt.Sprintf("ulimit -d %d && ", memory)
	if c.race {
		limits = "" // the detector's shadow of memory is larger than that, and empty
	}
	all := append([]string{"-c", limits + "exec \"$@\"", "sh", p.binary, "-test.v",
		"-test.short", "-test.failfast", "-test.count=1", "-test.run=" + r.pattern(), "-test.timeout=" + limit.String()}, c.args...)
	cmd := exec.CommandContext(timed, "sh", all...)
	cmd.Dir = filepath.Join(t.root, p.folder)
	cmd.Env = append(append(os.Environ(), "TMPDIR="+scratch), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel, cmd.WaitDelay = group, 5*time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return verdict{}, fmt.Errorf("run %s: %w", filepath.Base(p.binary), err)
	}
	err = cmd.Wait()
	_ = group() // children that outlived it
	switch {
	case ctx.Err() != nil:
		return verdict{}, ctx.Err()
	case err == nil:
		return verdict{outcome: survived, output: out.Bytes()}, nil
	case timed.Err() != nil || hung(out.String()):
		return verdict{outcome: timedOut, test: cmp.Or(running(out.String()), failed(out.String()))}, nil
	}
	return verdict{outcome: caught, test: failed(out.String())}, nil
}

var (
	failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	still   = regexp.MustCompile(`(?m)^\t\t?(Test\S+) \(`)
)

// hung says that a program gave up since its time was over: all of it, or what
// package await gives one wait. A busy machine can cause either.
func hung(output string) bool {
	return strings.Contains(output, "panic: test timed out after") || strings.Contains(output, "still waiting for ")
}

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
