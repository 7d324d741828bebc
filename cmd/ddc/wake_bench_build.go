package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"ddc/internal/forker"
	"ddc/internal/heir"
	"ddc/internal/printable"
	"ddc/wake/strategy"
)

// buildBench compares what may carry the calls of a whole build.
type buildBench struct {
	site   string
	ways   []string // their names, or none for all
	rounds int
	remoteFlags
}

// defaultBuilds is how often a site is built by each way.
const defaultBuilds = 5

// buildWay is one way of building, and what came of it.
type buildWay struct {
	name  string
	flags []string
	runs  []buildRun
}

// buildRun is one build.
type buildRun struct {
	wall, cpu time.Duration
	report    buildReport
}

// buildRow is what one way took: medians of its rounds.
type buildRow struct {
	Way string `json:"way"`
	// Wall is from start to end, Least its least.
	Wall  time.Duration `json:"wall_ns"`
	Least time.Duration `json:"wall_least_ns"`
	// CPU is of the host and all that it started, here.
	CPU   time.Duration `json:"cpu_ns"`
	Calls uint64        `json:"calls"`
	// Bytes are of requests and answers.
	Bytes uint64 `json:"bytes"`
	// CallP50 and CallP99 are of the calls of one build.
	CallP50 time.Duration `json:"call_p50_ns"`
	CallP99 time.Duration `json:"call_p99_ns"`
}

// wayNames are the ways that need nothing but this machine.
func wayNames() []string { return append(strategy.Names(), "inproc", "grpc") }

// chosen are the ways to compare.
func (b *buildBench) chosen() ([]*buildWay, error) {
	var ways []*buildWay
	for _, name := range wayNames() {
		flags := []string{"--wake", name}
		if slices.Contains(transports, name) {
			flags = []string{"--transport", name}
		}
		ways = append(ways, &buildWay{name: name, flags: flags})
	}
	if len(b.remote) > 0 {
		flags := []string{}
		for _, r := range b.remote {
			flags = append(flags, "--remote", r)
		}
		for flag, value := range map[string]string{"--tls": b.tls.folder, "--tls-cert": b.tls.cert, "--tls-key": b.tls.key, "--tls-ca": b.tls.ca} {
			if value != "" {
				flags = append(flags, flag, value)
			}
		}
		ways = append(ways, &buildWay{name: "remote", flags: flags})
	}
	var names []string
	for _, w := range ways {
		names = append(names, w.name)
	}
	for _, name := range b.ways {
		if !slices.Contains(names, name) {
			return nil, usagef("unknown way %q: choose from %s%s", name, strings.Join(names, ", "), meant(name, names))
		}
	}
	return slices.DeleteFunc(ways, func(w *buildWay) bool { return len(b.ways) > 0 && !slices.Contains(b.ways, w.name) }), nil
}

// run builds the site by each way in turn, so that whatever else the machine
// does hits all alike. The first round warms up, and is not counted. An error
// says so if any two outputs differ.
func (b *buildBench) run(ctx context.Context) ([]buildRow, error) {
	if _, err := b.places(); err != nil {
		return nil, err
	}
	ways, err := b.chosen()
	if err != nil {
		return nil, err
	}
	if err := heir.Within("ddc-bench-", func(folder string) error { return b.rounded(ctx, ways, folder) }); err != nil {
		return nil, err
	}
	var rows []buildRow
	for _, w := range ways {
		rows = append(rows, w.row())
	}
	return rows, nil
}

// rounded makes all the rounds' builds, in a folder.
func (b *buildBench) rounded(ctx context.Context, ways []*buildWay, folder string) error {
	var first map[string][sha256.Size]byte
	for round := range b.rounds + 1 {
		for _, w := range ways {
			output := filepath.Join(folder, w.name)
			run, err := b.build(ctx, output, w.flags)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			files, err := digests(output)
			if err != nil {
				return err
			}
			if first == nil {
				first = files
			}
			if file := differing(first, files); file != "" {
				return fmt.Errorf("%s: %s differs from what %s has made in the first round", w.name, file, ways[0].name)
			}
			if round > 0 {
				w.runs = append(w.runs, run)
			}
		}
	}
	return nil
}

// build builds once, in a process of its own.
func (b *buildBench) build(ctx context.Context, output string, flags []string) (r buildRun, err error) {
	program, err := os.Executable()
	if err != nil {
		return r, fmt.Errorf("find this program's own file: %w", err)
	}
	c := exec.CommandContext(ctx, program, append([]string{"build", b.site, "-o", output, "--no-cache", "--no-code-exec", "--json"}, flags...)...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = time.Minute
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	begun := time.Now()
	err = forker.Run(c) // it writes to our folder: it may not outlive us
	r.wall = time.Since(begun)
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if decoded := json.Unmarshal(stdout.Bytes(), &r.report); decoded != nil || err != nil {
		for _, p := range r.report.Errors {
			err = errors.Join(err, errors.New(p.String()))
		}
		return r, errors.Join(err, decoded, errors.New(strings.TrimSpace(stderr.String())))
	}
	r.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime() // with those that it has waited for
	return r, nil
}

// row is the median of each figure.
func (w *buildWay) row() buildRow {
	median := func(of func(buildRun) time.Duration) time.Duration {
		all := w.all(of)
		return all[len(all)/2]
	}
	row := buildRow{
		Way: w.name, Least: w.all(func(r buildRun) time.Duration { return r.wall })[0],
		Wall: median(func(r buildRun) time.Duration { return r.wall }), CPU: median(func(r buildRun) time.Duration { return r.cpu }),
		CallP50: median(func(r buildRun) time.Duration { return r.report.CallTimes.P50 }),
		CallP99: median(func(r buildRun) time.Duration { return r.report.CallTimes.P99 }),
	}
	for _, p := range w.runs[0].report.Plugins {
		row.Calls += p.Calls
		row.Bytes += p.BytesIn + p.BytesOut
	}
	return row
}

// all are a figure of each run, the least first.
func (w *buildWay) all(of func(buildRun) time.Duration) []time.Duration {
	var all []time.Duration
	for _, r := range w.runs {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all
}

// digests are the files of a folder, by path.
func digests(folder string) (map[string][sha256.Size]byte, error) {
	files := map[string][sha256.Size]byte{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, folder)] = sha256.Sum256(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was built: %w", err)
	}
	return files, nil
}

// differing is a file that is not the same in both, or "".
func differing(a, b map[string][sha256.Size]byte) string {
	for _, file := range slices.Sorted(maps.Keys(a)) {
		if other, ok := b[file]; !ok || other != a[file] {
			return file
		}
	}
	for _, file := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[file]; !ok {
			return file
		}
	}
	return ""
}

// printBuilds prints rows for people.
func printBuilds(w io.Writer, rows []buildRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "way\twall\tleast\tprocessor\tcalls\tbytes\tcall p50\tp99\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%v\t%v\t\n", r.Way, duration(r.Wall), duration(r.Least), duration(r.CPU),
			r.Calls, printable.Size(int64(r.Bytes)), r.CallP50.Round(time.Microsecond), r.CallP99.Round(10*time.Microsecond))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	_, err := fmt.Fprintln(w, "Every build made the same bytes. Compare figures of one run.")
	return err
}
