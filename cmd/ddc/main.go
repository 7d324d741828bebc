// Command ddc builds static sites. Plugins do the work, each a process of
// its own (ddc plugin NAME). They talk over a hub in shared memory; --wake
// chooses how the processes wake each other. See ddc --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/site/config"
	"ddc/site/output"
)

// Exit codes, as the help tells them.
const (
	exitOK          = 0
	exitSite        = 1 // the site is at fault
	exitUsage       = 2 // wrong usage
	exitMachinery   = 3 // the machinery failed
	exitInterrupted = 130
)

func main() {
	stdout, stderr := screenOf(os.Stdout), screenOf(os.Stderr)
	log.SetOutput(stderr) // libraries, that is: this program has loggers of its own
	os.Exit(program(os.Args[1:], stdout, stderr))
}

// program runs the command line until it ends. After an interruption it waits
// until farewell is over; what still runs then ends with the process, and the
// heir clears up after it.
func program(args []string, stdout, stderr io.Writer) int {
	ctx, stop := interruptible()
	defer stop()
	if len(args) > 1 && args[0] == "plugin" && slices.Contains(pluginNames(), args[1]) {
		return run(ctx, args, stdout, stderr) // its host says when it ends
	}
	longer := farewellOf(args)
	if longer > farewell {
		defer sayIfLong(ctx, farewell, stderr)()
	}
	code, ended, _ := orAbandon(ctx, longer, func() (int, error) { return run(ctx, args, stdout, stderr), nil })
	if !ended {
		// Standard error itself may be stuck, as a stopped terminal is.
		_, _, _ = orAbandon(ctx, lastWord, func() (int, error) { return fmt.Fprintln(stderr, interrupted) })
		return exitInterrupted
	}
	return code
}

// farewell is how long the program may take to end by itself once it was
// interrupted.
const farewell = 280 * time.Millisecond

// lastWord is how long it may take to say that the program was interrupted:
// whoever says it may wait for a processor on a busy machine.
const lastWord = time.Second

// lastCells is how long a matrix may take to end its cells' processes and to
// print the finished cells. A second Ctrl-C ends the wait.
const lastCells = 30 * time.Second

// lastPages is how long a server may take to close its connections, keep what
// it knows and end its plugins, on a busy machine. A second Ctrl-C ends the
// wait.
const lastPages = 15 * time.Second

// heard is said of what takes longer to end than a farewell, so that nobody
// wonders whether the Ctrl-C was noticed.
const heard = "ddc: ending, and keeping what was made; a second Ctrl-C ends it at once"

// sayIfLong says that a command is ending, if it still is some time after ctx
// was done. The caller calls ended once it has.
func sayIfLong(ctx context.Context, after time.Duration, stderr io.Writer) (ended func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-over:
			return
		}
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			fmt.Fprintln(stderr, heard)
		case <-over:
		}
	}()
	return func() { close(over) }
}

// farewellOf is the farewell of a command line.
func farewellOf(args []string) time.Duration {
	if len(args) > 0 && args[0] == "serve" {
		return lastPages
	}
	if len(args) > 0 && args[0] == "worker" {
		return mostDrain + lastPages
	}
	if len(args) > 1 && args[0] == "wake" && (args[1] == "matrix" || args[1] == "verdict") {
		return lastCells
	}
	return farewell
}

// interrupted is the message of an interrupted build.
const interrupted = "ddc: interrupted; the last output is as it was"

// orAbandon runs f, which looks at ctx. Once ctx is done, f gets the duration
// longer to end. After that orAbandon leaves f's goroutine running; ended is
// then false, and err says why ctx was done. It is a last resort before the
// process ends, since some of what f calls may ignore contexts.
func orAbandon[T any](ctx context.Context, longer time.Duration, f func() (T, error)) (result T, ended bool, err error) {
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := f()
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, true, o.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(longer)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.result, true, o.err
	case <-timer.C:
		return result, false, context.Cause(ctx)
	}
}

// interruptible gives a context that the first Ctrl-C, SIGTERM or SIGHUP (of a
// closing terminal) ends. A second signal ends the process at once.
func interruptible() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// run is the program without what belongs to the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	said := screenOf(stderr)
	root := newRoot(screenOf(stdout), said)
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	if err == nil || errors.As(err, new(errReported)) || !wantsJSON(args) {
		return exitCode(ctx, err, said)
	}
	if failed := printFailure(screenOf(stdout), c, err); failed != nil {
		return exitCode(ctx, failed, said)
	}
	return codeOf(ctx, err)
}

// pathError turns an error about a path that the caller named into an error of
// usage: the path does not exist, is of the wrong kind, or may not be used.
func pathError(err error) error {
	for _, reason := range []error{
		syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ELOOP,
		syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ENXIO,
	} {
		if errors.Is(err, reason) {
			return usageError{err}
		}
	}
	return err
}

// errReported is returned if everything has been printed already.
type errReported struct{ code int }

func (e errReported) Error() string { return fmt.Sprintf("exit %d", e.code) }

func exitCode(ctx context.Context, err error, stderr screen) int {
	var reported errReported
	var faults diagnostic.Errors
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &reported):
		return reported.code
	case errors.As(err, &faults):
		for _, fault := range faults {
			stderr.problem(diagnostic.Error, fault)
		}
		return codeOf(ctx, err)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "ddc: interrupted")
		return codeOf(ctx, err)
	}
	fmt.Fprintf(stderr, "ddc: %s\n", printable.Message(err.Error()))
	return codeOf(ctx, err)
}

func codeOf(ctx context.Context, err error) int {
	var usage usageError
	var faults diagnostic.Errors
	var inside nested
	switch {
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &usage), errors.Is(err, output.ErrUnusable):
		return exitUsage
	case errors.As(err, &faults), errors.Is(err, config.ErrNotFound), errors.As(err, &inside):
		return exitSite
	}
	return exitMachinery
}

const rootHelp = `ddc builds static sites: Markdown, templates, SCSS, images and fonts in, a
finished site out. Plugins do the work, each a process of its own, over one hub
in shared memory. How the processes wake each other is yours to choose (--wake),
so that the ways can be compared.

  ddc init my-site          make a small site
  ddc serve my-site         show it in a browser while you write it
  ddc new blog/first        write a page
  ddc check                 look for all that is wrong, and write nothing
  ddc build my-site         build it into my-site/public
  ddc build --wake=pipe -v  say which strategy, and see what it did
  ddc wake list             the strategies, and whether they work here
  ddc wake bench            compare them
  ddc inspect PID           look at a build that hangs
  ddc worker --plugins jxl  run plugins for builds on other machines

Each problem is a line, file:line:col: message (hint), or, on a terminal, some
lines with the source; NO_COLOR=1 leaves colours out. --json has it whole.

Exit codes: 0 done, 1 the site is at fault, 2 wrong usage, 3 the machinery
failed, 130 interrupted.`

func newRoot(stdout, stderr screen) *cobra.Command {
	root := &cobra.Command{
		Use:           "ddc",
		Short:         "Build static sites with plugins over shared memory",
		Long:          rootHelp,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(wrongFlag)
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(newServe(), newBuild(), newCheck(), newNew(), newInit(), newClean(), newPlugin(), newWake(), newInspect(), newWorker(), newVersion())
	return root
}
