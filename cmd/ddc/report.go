package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/plugin/host"
	"ddc/site"
	"ddc/site/config"
)

// printer prints what a build has to say.
type printer struct {
	stdout, stderr screen
	json           bool
	verbose, quiet bool
	dry            bool
	logger         *slog.Logger
	level          slog.Level
	live           *liveLine // nil where standard error is no terminal
}

func newPrinter(stdout, stderr screen, f buildFlags) *printer {
	p := &printer{stdout: stdout, stderr: stderr, json: f.json, verbose: f.verbose, quiet: f.quiet, dry: f.dry, level: slog.LevelWarn}
	switch {
	case f.verbose:
		p.level = slog.LevelDebug
	case !f.quiet:
		p.live = newLiveLine(stderr)
	}
	p.logger = slog.New(slog.NewTextHandler(p.aboveLiveLine(), &slog.HandlerOptions{Level: p.level, ReplaceAttr: asLogged}))
	return p
}

// printerOf prints where a command does.
func printerOf(c *cobra.Command, f buildFlags) *printer {
	return newPrinter(screenOf(c.OutOrStdout()), screenOf(c.ErrOrStderr()), f)
}

// asLogged leaves out the time, and cuts values that are too long to read.
func asLogged(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	switch value := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(printable.Cut(value))
	case error:
		a.Value = slog.StringValue(printable.Cut(value.Error()))
	}
	return a
}

// report is what to say at the end of a build.
type report struct {
	result    *site.Result // nil where there is none
	config    *config.Config
	plugins   []pluginReport
	wake      string
	transport string
	own       ownPlugins
	layers    host.Layers // of the sandbox, that hold all plugins that were started
	sandbox   string      // the same for people
	// peakMemory is the most memory that host, plugins and their children took
	// together, in bytes.
	peakMemory int64
	answers    *site.AnswerCounts // nil where nothing is remembered
	memory     string             // what there may be, and who sees to it
	callTimes  times
	hangs      []hangReport
	took       time.Duration
	err        error
}

// The object that --json prints.
type buildReport struct {
	// Output is the folder of the site, or, after an error, of the last site
	// that was built. It is empty if the configuration was not read.
	Output string `json:"output"`
	Pages  int    `json:"pages"`
	// Rendered counts pages that went through their templates; the others were
	// remembered.
	Rendered   int   `json:"rendered"`
	Files      int   `json:"files"`
	Bytes      int64 `json:"bytes"`
	DurationMS int64 `json:"duration_ms"`
	// PeakMemory is of host, plugins and their children together.
	PeakMemory int64  `json:"peak_memory_bytes"`
	Wake       string `json:"wake"`
	Transport  string `json:"transport"`
	// Sandbox are the layers that were applied to all plugins that were
	// started.
	Sandbox host.Layers `json:"sandbox"`
	// Samples counts code samples by the kind of warden that held each, or
	// "cached".
	Samples map[string]int `json:"samples"`
	Plugins []pluginReport `json:"plugins"`
	// CallTimes are of all calls, as the host sees them.
	CallTimes times `json:"call_times"`
	// Own are the site's own plugins, in the order in which a page comes to
	// them.
	Own []ownReport `json:"own_plugins"`
	// Answers are of plugins, and remembered from build to build; null where
	// nothing is.
	Answers *site.AnswerCounts `json:"answers"`
	// Hangs are what the watchdog has found.
	Hangs    []hangReport         `json:"hangs"`
	Warnings []diagnostic.Problem `json:"warnings"`
	Errors   []diagnostic.Problem `json:"errors"`
}

// pluginReport counts bytes from the plugin's view, and wake-ups from the
// host's: tokens left for the plugin, rings that found the plugin awake, and
// the host's own wake-ups for nothing.
type pluginReport struct {
	Name              string `json:"name"`
	PID               int    `json:"pid"`
	Wake              string `json:"wake"`
	Remote            string `json:"remote,omitempty"`
	Calls             uint64 `json:"calls"`
	Errors            uint64 `json:"errors"`
	Restarts          int    `json:"restarts"`
	BytesIn           uint64 `json:"bytes_in"`
	BytesOut          uint64 `json:"bytes_out"`
	WakeupsSent       uint64 `json:"wakeups_sent"`
	WakeupsSuppressed uint64 `json:"wakeups_suppressed"`
	WakeupsSpurious   uint64 `json:"wakeups_spurious"`
}

// hangReport is a link that hung.
type hangReport struct {
	Plugin    string `json:"plugin"`
	Diagnosis string `json:"diagnosis"`
	File      string `json:"file"`
}

// statsOf reports on the plugins that ran, and on the layers of the sandbox
// that held every one of them.
func statsOf(h *host.Host) (reports []pluginReport, layers host.Layers) {
	reports = []pluginReport{}
	known := false
	for _, p := range h.Plugins() {
		s := p.Stats()
		if s.PID == 0 && s.Calls == 0 {
			continue
		}
		r := pluginReport{
			Name: s.Name, PID: s.PID, Wake: s.Wake, Calls: s.Calls, Errors: s.Errors, Restarts: s.Restarts,
			BytesIn: s.Link.BytesOut, BytesOut: s.Link.BytesIn,
			WakeupsSent: s.Link.WakeupsSent, WakeupsSuppressed: s.Link.WakeupsSuppressed, WakeupsSpurious: s.Link.WakeupsSpurious,
		}
		if r.Remote = s.Remote; r.Remote != "" || len(h.Hubs()) == 0 {
			r.Wake = "none"
		}
		if r.Remote != "" {
			reports = append(reports, r)
			continue
		}
		if !known {
			layers, known = s.Layers, true
		}
		layers = layers.And(s.Layers)
		reports = append(reports, r)
	}
	return reports, layers
}

// failed reports an error that came before any plugin could be started.
func (p *printer) failed(ctx context.Context, err error) error {
	return p.finished(ctx, report{plugins: []pluginReport{}, hangs: []hangReport{}, err: err})
}

// finished prints the end of a build. It returns the error that the program
// ends with.
func (p *printer) finished(ctx context.Context, r report) error {
	p.endProgress()
	if p.json {
		return p.finishedJSON(ctx, r)
	}
	if r.result != nil {
		for _, w := range r.result.Warnings {
			p.stderr.problem(diagnostic.Warning, w)
		}
	}
	if r.err != nil {
		return p.printError(ctx, r.err)
	}
	if p.quiet {
		return nil
	}
	if p.verbose {
		p.printDetails(r)
	}
	if p.dry {
		_, err := fmt.Fprintf(p.stdout, "%s, %s in %s (%s); nothing is written\n", printable.Count(r.result.Pages, "page"), printable.Count(len(r.result.Warnings), "warning"), duration(r.took), r.how())
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "%s: %s, %s, %s in %s with %s of memory (%s)\n", printable.Line(shortest(r.config.Output)),
		printable.Count(r.result.Pages, "page"), printable.Count(r.result.Files, "file"), printable.Size(r.result.Bytes), duration(r.took), printable.Size(r.peakMemory), r.how())
	if err != nil {
		return fmt.Errorf("the site is built, but that can't be said: %w", err)
	}
	return nil
}

func (r report) how() string {
	if r.transport == "inproc" {
		return "in one process"
	}
	by := r.wake
	if r.transport == "grpc" {
		by = "gRPC"
	}
	return fmt.Sprintf("%s, %s", printable.Count(len(r.plugins), "plugin"), by)
}

// printError prints each of the site's faults on a line of its own.
func (p *printer) printError(ctx context.Context, err error) error {
	code := codeOf(ctx, err)
	problems := problemsOf(err)
	switch code {
	case exitInterrupted:
		fmt.Fprintln(p.stderr, interrupted)
	case exitUsage:
		return err
	default:
		for _, problem := range problems {
			p.stderr.problem(diagnostic.Error, problem)
		}
		if code == exitSite {
			fmt.Fprintf(p.stderr, map[bool]string{false: "Build failed: %s. The last output is as it was.\n", true: "%s. Nothing is written.\n"}[p.dry], printable.Count(len(problems), "error"))
		}
	}
	return errReported{code}
}

func (p *printer) printDetails(r report) {
	for _, c := range r.result.Changes {
		fmt.Fprintf(p.stdout, "%v\n", c)
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "plugin\twake\tpid\tcalls\terrors\trestarts\tin\tout\tsent\tsuppressed\tspurious\t")
	for _, s := range r.plugins {
		if s.Remote != "" {
			s.Wake = s.Remote
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t\n", s.Name, s.Wake, s.PID, s.Calls, s.Errors, s.Restarts,
			printable.Size(int64(s.BytesIn)), printable.Size(int64(s.BytesOut)), s.WakeupsSent, s.WakeupsSuppressed, s.WakeupsSpurious)
	}
	_ = table.Flush() // standard output that is gone is found at the summary
	for _, own := range newOwnReports(r) {
		fmt.Fprintf(p.stdout, "%s\n", own)
	}
	fmt.Fprintf(p.stdout, "sandbox: %s\n", r.sandbox)
	for _, kind := range slices.Sorted(maps.Keys(r.result.Samples)) {
		fmt.Fprintf(p.stdout, "samples: %d, %s\n", r.result.Samples[kind], kind)
	}
	if r.answers != nil {
		fmt.Fprintf(p.stdout, "rendered: %d of %s%s\n", r.result.Rendered, printable.Count(r.result.Pages, "page"), sinceLast(r.result.Edited))
	}
	if a := r.answers; a != nil {
		fmt.Fprintf(p.stdout, "remembered: %d of %s, of which %d were worked out again to compare\n", a.Remembered, printable.Count(a.Asked, "answer"), a.Checked)
	}
	fmt.Fprintf(p.stdout, "memory: %s at most, of %s\n", printable.Size(r.peakMemory), r.memory)
}

// sinceLast says which files had changed.
func sinceLast(files []string) string {
	const most = 3
	switch n := len(files); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf(", as %s and %d more files have changed", printable.Line(strings.Join(files[:most], ", ")), n-most)
	default:
		return fmt.Sprintf(", as %s changed", printable.Line(strings.Join(files, ", ")))
	}
}

func (p *printer) finishedJSON(ctx context.Context, r report) error {
	if err := printJSON(p.stdout, newBuildReport(r)); err != nil {
		return err
	}
	if r.err == nil {
		return nil
	}
	return errReported{codeOf(ctx, r.err)}
}

func newBuildReport(r report) buildReport {
	object := buildReport{
		DurationMS: r.took.Milliseconds(), PeakMemory: r.peakMemory, Wake: r.wake, Transport: r.transport, Sandbox: r.layers, Plugins: r.plugins, CallTimes: r.callTimes, Answers: r.answers, Hangs: r.hangs,
		Own: newOwnReports(r), Samples: map[string]int{}, Warnings: []diagnostic.Problem{}, Errors: problemsOf(r.err),
	}
	if r.result != nil {
		object.Pages, object.Rendered, object.Files, object.Bytes = r.result.Pages, r.result.Rendered, r.result.Files, r.result.Bytes
		object.Warnings = problems(r.result.Warnings)
		maps.Copy(object.Samples, r.result.Samples)
	}
	if r.config != nil {
		object.Output = r.config.Output
	}
	return object
}

// problems is how --json lists problems: whole, except that texts too long to
// read are cut.
func problems(of []diagnostic.Problem) []diagnostic.Problem {
	all := make([]diagnostic.Problem, 0, len(of))
	for _, p := range of {
		p.Message = printable.Cut(p.Message)
		all = append(all, p)
	}
	return all
}

// problemsOf are the site's faults, or the one thing that went wrong otherwise.
func problemsOf(err error) []diagnostic.Problem {
	if err == nil {
		return []diagnostic.Problem{}
	}
	var faults diagnostic.Errors
	var one *diagnostic.Problem // of usage
	switch {
	case errors.As(err, &faults):
		return problems(faults)
	case errors.As(err, &one):
		return problems([]diagnostic.Problem{*one})
	}
	return problems([]diagnostic.Problem{{Message: err.Error(), Hint: machineryHint(err)}})
}

// machineryHint says what to do about an error that is nobody's fault.
func machineryHint(err error) string {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return "make room on its disk, or build into another folder with --output; the last output is as it was"
	}
	return ""
}

func duration(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// shortest is the shortest name of a path for a person in the working
// directory.
func shortest(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || len(relative) > len(path) {
		return path
	}
	return relative
}
