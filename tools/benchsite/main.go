// Benchsite makes sites of many pages, and builds each by turns with ddc and,
// if it is installed, with Hugo: cold, with nothing changed, and with one page
// edited.
//
//	go run ./tools/benchsite -pages 100,1000 -turns 3 bin/ddc
//
// With -serve it serves the sites instead, and measures the way from a save to
// the patch that an open page gets, with a socket in the place of a browser.
//
// It prints processor time, which is of a program and of all that it has
// started and waited for, and time on the clock: the median of the turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	pages := flag.String("pages", "100,1000", "sizes of sites, with commas between")
	turns := flag.Int("turns", 3, "how often each is measured")
	var s sites
	flag.BoolVar(&s.search, "search", false, "make the search index too, which Hugo has not")
	flag.BoolVar(&s.plain, "plain", false, "code blocks say no language, and are not coloured")
	uncached := flag.Bool("uncached", false, "measure each program with --no-cache too")
	serves := flag.Bool("serve", false, "measure the way from a save to the patch")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, flag.Args(), *pages, *turns, *serves, *uncached, s); err != nil {
		fmt.Fprintln(os.Stderr, "benchsite:", err)
		os.Exit(1)
	}
}

// builder is a program under measurement.
type builder struct {
	name    string
	command func(site string) []string
	files   func(n int) map[string]string
	edited  string   // the page that is edited
	made    []string // what a cold build must not find
}

func run(ctx context.Context, programs []string, sizes string, turns int, serves, uncached bool, s sites) error {
	var counts []int
	for size := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			return fmt.Errorf("-pages %q: numbers from 1, with commas between", sizes)
		}
		counts = append(counts, n)
	}
	if serves {
		return serveAll(ctx, programs, counts, turns, s)
	}
	return buildAll(ctx, programs, counts, turns, uncached, s)
}

// buildAll measures builds of each size.
func buildAll(ctx context.Context, programs []string, sizes []int, turns int, uncached bool, s sites) error {
	var builders []builder
	for _, p := range programs {
		full, err := filepath.Abs(p)
		if err != nil {
			return err
		}
		ways := map[string][]string{p: nil}
		if uncached {
			ways[p+" --no-cache"] = []string{"--no-cache"}
		}
		for _, name := range slices.Sorted(maps.Keys(ways)) {
			builders = append(builders, builder{name, func(site string) []string {
				args := append([]string{full, "build", site, "-q"}, ways[name]...)
				if !s.search {
					args = append(args, "--no-search")
				}
				return args
			}, s.forDDC, "content/s0/p1.md", []string{".cache", "public"}})
		}
	}
	if hugo, err := exec.LookPath("hugo"); err == nil {
		builders = append(builders, builder{"hugo --minify", func(site string) []string { return []string{hugo, "--quiet", "--minify", "-s", site} }, s.forHugo, "content/s0/p1.md", []string{"public", "resources"}})
	}
	fmt.Printf("| pages | program | cold, CPU s | clock s | unchanged, CPU s | clock s | one page edited, CPU s | clock s |\n|---|---|---|---|---|---|---|---|\n")
	for _, n := range sizes {
		if err := compare(ctx, builders, n, turns); err != nil {
			return err
		}
	}
	return nil
}

// spent is what a build took, in seconds.
type spent struct{ cpu, clock float64 }

// phases are the builds that are measured, in the order in which they are made.
const phases = 3

// compare measures all builders on a site of some size, by turns.
func compare(ctx context.Context, builders []builder, n, turns int) error {
	folder, err := os.MkdirTemp("", "benchsite-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	took := make([][phases][]spent, len(builders))
	for i, b := range builders {
		if err := write(filepath.Join(folder, strconv.Itoa(i)), b.files(n)); err != nil {
			return err
		}
	}
	for turn := range turns {
		for i, b := range builders {
			site := filepath.Join(folder, strconv.Itoa(i))
			if err := setAside(site, b.made, filepath.Join(folder, fmt.Sprintf("old-%d-%d", i, turn))); err != nil {
				return err
			}
			for phase := range phases {
				if phase == phases-1 {
					if err := edit(filepath.Join(site, b.edited), turn); err != nil {
						return err
					}
				}
				t, err := build(ctx, b.command(site))
				if err != nil {
					return fmt.Errorf("%s, %d pages: %w", b.name, n, err)
				}
				took[i][phase] = append(took[i][phase], t)
			}
		}
	}
	for i, b := range builders {
		fmt.Printf("| %d | %s |", n, b.name)
		for phase := range phases {
			m := median(took[i][phase])
			fmt.Printf(" %.2f | %.2f |", m.cpu, m.clock)
		}
		fmt.Println()
	}
	return nil
}

// setAside moves what a cold build must not find out of the way. Removing it
// would be paid for by the next build: a file system is slow to use again what
// was just removed.
func setAside(site string, made []string, to string) error {
	if err := os.Mkdir(to, 0o777); err != nil {
		return err
	}
	for _, name := range made {
		if err := os.Rename(filepath.Join(site, name), filepath.Join(to, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func build(ctx context.Context, command []string) (spent, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	var said strings.Builder
	c.Stdout, c.Stderr = io.Discard, &said
	begun := time.Now()
	if err := c.Run(); err != nil {
		return spent{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	return spent{(c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), time.Since(begun).Seconds()}, nil
}

func median(all []spent) spent {
	of := func(part func(spent) float64) float64 {
		values := make([]float64, len(all))
		for i, s := range all {
			values[i] = part(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return spent{of(func(s spent) float64 { return s.cpu }), of(func(s spent) float64 { return s.clock })}
}

func edit(page string, turn int) error {
	f, err := os.OpenFile(page, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "\nEdited in turn %d.\n", turn)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func write(folder string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}
