package host

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ddc/internal/sandbox"
	"ddc/internal/sys"
	"ddc/plugin/agreement"
	"ddc/plugin/spec"
	"ddc/transport"
)

// Layers are those of the sandbox that hold a plugin. A kernel may lack some.
type Layers struct {
	NoNewPrivileges bool `json:"no_new_privs"`
	Capabilities    bool `json:"capabilities"`
	// Landlock is the version of its interface, or 0 for none.
	Landlock int  `json:"landlock"`
	Seccomp  bool `json:"seccomp"`
}

// String is "no_new_privs, capabilities, Landlock 7, seccomp", or what there is
// of it.
func (l Layers) String() string { return sandbox.Layers(l).String() }

// And is what both have.
func (l Layers) And(other Layers) Layers {
	return Layers(sandbox.Layers(l).And(sandbox.Layers(other)))
}

// variables are those of its host's environment that every plugin gets: for
// Go's runtime, time zone, language and temporary files, and all that begin
// with DDC_. The host sets DDC_HUB, and those that begin with DDC_PLUGIN, for
// each plugin anew.
var variables = []string{"GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK", "GORACE", "GOCOVERDIR", "TZ", "LANG", "LC_*", "TMPDIR", "DDC_*"}

// startable is what a program needs to start: its libraries, the time zone, and
// what every program takes for granted.
var startable = sandbox.Policy{
	Read: []string{
		"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.preload",
		"/etc/localtime", "/usr/share/zoneinfo", "/dev/zero", "/dev/random", "/dev/urandom", "/sys/kernel/mm/transparent_hugepage",
	},
	Write: []string{"/dev/null"},
}

// confined is c's policy with what the program at path needs to start.
func confined(c spec.Confinement, path, temporary string) sandbox.Policy {
	p := sandbox.Policy(c.Policy)
	p.Read = slices.Concat(p.Read, startable.Read)
	p.Write = slices.Concat(p.Write, startable.Write)
	p.Execute = append(slices.Clone(p.Execute), path)
	if c.Temporary {
		p.Write = append(p.Write, temporary)
		if p.Programs { // a compiler may put its program there
			p.Execute = append(p.Execute, temporary)
		}
	}
	if interpreter := interpreterOf(path); interpreter != "" {
		p.Execute = append(p.Execute, interpreter)
	}
	if folder := os.Getenv("GOCOVERDIR"); folder != "" {
		p.Write = append(p.Write, folder)
	}
	return p
}

// interpreterOf is the dynamic loader that the kernel starts for the program at
// path, or "" if it needs none or is no ELF program.
func interpreterOf(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
			if err != nil {
				return ""
			}
			return strings.TrimRight(string(name), "\x00")
		}
	}
	return ""
}

// slack is how late a plugin's timers may be. Go's monitor naps for 20 µs at a
// time as long as anything runs, and takes the processor from a pump that has
// slept through two naps; then the next call has to wake the monitor too. With
// the kernel's own slack of 50 µs that took a twelfth of a build of many pages
// (docs/BENCHMARKS.md).
const slack = 500 * time.Microsecond

// forkers start plugins, each from a thread of its own under the plugin's
// confinement, which no process that the thread starts can shed. Plugins that
// shared a thread would share a Landlock domain, and could look into each
// other's memory. A thread starts nothing unless every layer that the kernel
// has restricts it.
type forkers struct {
	confine func(name string) spec.Confinement // or nil: plugins may do what this process may
	logger  *slog.Logger
	// temporary is the plugins' folder for temporary files.
	temporary string

	mu     sync.Mutex
	byName map[string]*confinedThread
}

func newForkers(o Options, temporary string) *forkers {
	confine := o.Confine
	if confine != nil { // each process of a plugin has a thread of its own, and may do the same
		confine = func(name string) spec.Confinement { return o.Confine(baseOf(name)) }
	}
	return &forkers{confine: confine, logger: o.Logger, temporary: temporary, byName: map[string]*confinedThread{}}
}

// start starts cmd as the plugin of a name. If its program was checked, open
// names what was.
func (f *forkers) start(name string, cmd *exec.Cmd, open string) error {
	// This process may have inherited descriptors without close-on-exec, which
	// its plugins must not get.
	if err := sandbox.CloseOnExec(); err != nil {
		f.logger.Debug("plugins may inherit descriptors of the host's parent", "cause", err)
	}
	rule := cmd.Path
	if open != "" {
		rule = open
		if f.confine == nil || sandbox.Kernel().Landlock == 0 {
			cmd.Path = open // nothing else keeps another file from being run
		}
	}
	if open != "" && f.isOfAnother(name, open) {
		f.forget(name)
	}
	return f.of(name, rule).start(cmd)
}

// isOfAnother says whether a plugin's thread may start another file than this
// one. A file that was checked is not another: the same program may have been
// built again.
func (f *forkers) isOfAnother(name, file string) bool {
	f.mu.Lock()
	known := f.byName[name]
	f.mu.Unlock()
	if known == nil || known.program == nil {
		return false
	}
	now, err := os.Stat(file)
	return err == nil && !os.SameFile(known.program, now)
}

// of returns the thread of a plugin, whose program is at path. The thread
// begins, and is restricted, with the first run.
func (f *forkers) of(name, path string) *confinedThread {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.byName[name]; known != nil {
		return known
	}
	made := newConfinedThread(func() (sandbox.Layers, error) {
		if err := sys.SetTimerSlack(slack); err != nil {
			f.logger.Debug("a plugin's runtime wakes up more often", "plugin", name, "cause", err)
		}
		if f.confine == nil {
			return sandbox.Layers{}, nil
		}
		held, err := sandbox.Restrict(confined(f.confine(name), path, f.temporary))
		for _, cause := range held.LeftOut {
			f.logger.Debug("a path is left out of what a plugin may use", "plugin", name, "cause", cause)
		}
		if err != nil {
			return held.Layers, fmt.Errorf("its sandbox failed, so it was not started (--no-sandbox starts it without): %w", err)
		}
		return held.Layers, nil
	})
	if f.confine != nil {
		made.program, _ = os.Stat(path) // without it the thread lasts
	}
	f.byName[name] = made
	return made
}

// forget ends the thread of a plugin, of which no process may still run: the
// next run gets another, which may start what its program is then.
func (f *forkers) forget(name string) {
	f.mu.Lock()
	known := f.byName[name]
	delete(f.byName, name)
	f.mu.Unlock()
	if known != nil {
		known.thread.Close()
	}
}

// layers are the sandbox layers of a plugin, by name, or none before its first
// run.
func (f *forkers) layers(name string) Layers {
	f.mu.Lock()
	known := f.byName[name]
	f.mu.Unlock()
	if known == nil {
		return Layers{}
	}
	return Layers(known.layers())
}

// environment is what a plugin gets of this process's environment, by name.
func (f *forkers) environment(name string) []string {
	keep := []string{"*"}
	if f.confine != nil {
		c := f.confine(name)
		keep = slices.Concat(variables, c.Environment)
	}
	var kept []string
	for _, variable := range os.Environ() {
		key, _, _ := strings.Cut(variable, "=")
		if !agreement.IsSaidAnew(key) && key != "GOMAXPROCS" && slices.ContainsFunc(keep, func(pattern string) bool {
			matched, err := filepath.Match(pattern, key)
			return err == nil && matched
		}) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// startPrograms says whether a plugin may start programs, by name.
func (f *forkers) startPrograms(name string) bool {
	return f.confine == nil || f.confine(name).Policy.Programs
}

// Close ends the threads. No process that they started may still run.
func (f *forkers) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.byName {
		one.thread.Close()
	}
	clear(f.byName)
}

// banish kills a plugin that has written to shared memory what no sound plugin
// writes. It does so at once: otherwise the plugin could go on until its next
// call.
func (p *process) banish() {
	<-p.link.Done()
	if err := p.link.Err(); errors.Is(err, transport.ErrCorrupt) {
		p.kill(err)
	}
}
