package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"

	"ddc/internal/diagnostic"
	"ddc/plugin/host"
	"ddc/plugin/spec"
	"ddc/proto/sitepb"
	"ddc/site"
	"ddc/site/config"
)

// ownPlugin is a program that a site's configuration names as a plugin, and
// that the user lets it run.
type ownPlugin struct {
	config.Plugin
	rights rights
	// is what its program is at present.
	is atomic.Pointer[executable]
}

// executable is a program by what is in it.
type executable struct {
	// named is where the configuration, or the PATH, has it.
	named string
	// path is absolute, without symbolic links.
	path string
	sum  [sha256.Size]byte
}

func (p *ownPlugin) path() string           { return p.is.Load().path }
func (p *ownPlugin) sum() [sha256.Size]byte { return p.is.Load().sum }

// ownPlugins are those of a site, in the order of its configuration.
type ownPlugins []*ownPlugin

// replaces says whether it takes the place of one of ddc's own.
func (p *ownPlugin) replaces() bool { return slices.Contains(pluginNames(), p.Name) }

// version tells the program, and how it is started, from any other.
func (p *ownPlugin) version() string {
	sum := p.sum()
	return strings.Join(append([]string{hex.EncodeToString(sum[:])}, p.Args...), "\x00")
}

// ownPlugins finds the programs that the configuration names. Those that the
// user has not allowed are faults of the site, as are those that are none.
func (f buildFlags) ownPlugins(cfg *config.Config) (ownPlugins, error) {
	allowed, err := parseAllow(f.allow)
	if err != nil {
		return nil, usagef("--allow: %w", err)
	}
	for name := range allowed {
		if !slices.ContainsFunc(cfg.Plugins, func(p config.Plugin) bool { return p.Name == name }) {
			return nil, usagef("--allow: the site names no plugin %q%s", name, meantOf(name, namesOf(cfg)[len(pluginNames()):]))
		}
	}
	if len(cfg.Plugins) > 0 && f.transport == "inproc" {
		return nil, usagef("--transport inproc: the plugin %s is a program of its own, and can't run in this process: use shm or grpc", cfg.Plugins[0].Name)
	}
	if len(cfg.Plugins) > 0 && f.trace != "" && !f.noSandbox {
		return nil, usagef("--trace follows one hub, and beside a site's own plugin each has its own, out of that one's reach; with --no-sandbox they share one")
	}
	elsewhere, err := f.places()
	if err != nil {
		return nil, err
	}
	for _, p := range cfg.Plugins {
		if slices.ContainsFunc(elsewhere, func(at place) bool { return slices.Contains(at.names, p.Name) }) {
			return nil, usagef("--remote: the site has a program of its own in the place of the plugin %s, which runs here", p.Name)
		}
	}
	var all ownPlugins
	var faults diagnostic.Errors
	for _, named := range cfg.Plugins {
		p, fault := findOwn(cfg, named)
		if fault == nil {
			p.rights = allowed[named.Name]
			fault = mayRun(cfg, p, allowed)
		}
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		all = append(all, p)
	}
	if faults != nil {
		return nil, cfg.Quote(faults)
	}
	return all, nil
}

// findOwn finds a plugin's program.
func findOwn(cfg *config.Config, named config.Plugin) (*ownPlugin, *diagnostic.Problem) {
	fault := func(message, hint string) (*ownPlugin, *diagnostic.Problem) {
		p := named.Fault("the plugin "+named.Name+": "+message, hint)
		return nil, &p
	}
	p := &ownPlugin{Plugin: named}
	if p.replaces() && len(named.Stages) > 0 {
		return fault("takes the place of ddc's own, and has no stages", "leave stage out, or give it another name")
	}
	path := filepath.FromSlash(named.Command)
	switch {
	case path == "":
		found, err := exec.LookPath("ddc-plugin-" + named.Name)
		if err != nil {
			return fault("there is no program ddc-plugin-"+named.Name+" on the PATH", "install it, or name the program with command, as in: command \"./"+named.Name+"\"")
		}
		path = found
	case !filepath.IsAbs(path):
		path = filepath.Join(cfg.Root, path)
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault("there is no program "+named.Command, "build it; the path counts from the project's folder")
	}
	is := executable{named: path}
	if err == nil {
		is.path, err = filepath.Abs(real)
	}
	if err == nil {
		is.sum, err = digestProgram(is.path)
	}
	if err != nil {
		return fault("its program cannot be used: "+err.Error(), notUsedHint(err))
	}
	p.is.Store(&is)
	return p, nil
}

var (
	errNoProgram    = errors.New("it is no compiled program: scripts cannot be plugins")
	errNoExecutable = errors.New("is no file that can be executed")
)

// notUsedHint says what to do about a program that digestProgram refuses.
func notUsedHint(err error) string {
	switch {
	case errors.Is(err, errNoProgram):
		return "name what a compiler has made of it"
	case errors.Is(err, errNoExecutable):
		return "name the program itself, and let it be executed: chmod +x"
	}
	return ""
}

// digestProgram digests a program that this system can start.
func digestProgram(path string) (sum [sha256.Size]byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return sum, err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return sum, fmt.Errorf("%s %w", path, errNoExecutable)
	}
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	digest, magic := sha256.New(), make([]byte, 4)
	if _, err := io.ReadFull(file, magic); err != nil || string(magic) != "\x7fELF" {
		return sum, errNoProgram
	}
	digest.Write(magic)
	if _, err := io.Copy(digest, file); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(digest.Sum(nil)), nil
}

// mayRun says why a program is not run: a site may come from anybody, so its
// user says which of the programs that it names are run. What is installed
// under a name of its own on the PATH is there because the user wants it.
func mayRun(cfg *config.Config, p *ownPlugin, allowed map[string]rights) *diagnostic.Problem {
	root, err := filepath.EvalSymlinks(cfg.Root)
	if err != nil {
		root = cfg.Root
	}
	if _, said := allowed[p.Name]; said || p.Command == "" && !config.Within(root, p.path()) || isTrusted(p) {
		return nil
	}
	fault := p.Fault(fmt.Sprintf("the site wants to run a program of its own, %s, as the plugin %s", shortest(p.path()), p.Name),
		fmt.Sprintf("if you trust it: --allow %s this time, or, until the program changes: ddc plugin trust %s", p.Name, shortest(cfg.Root)))
	return &fault
}

// apart says whether each plugin gets a hub of its own: who shares one can read
// and change what others are sent.
func (all ownPlugins) apart(f buildFlags) bool { return len(all) > 0 && !f.noSandbox }

func (all ownPlugins) named(name string) *ownPlugin {
	if i := slices.IndexFunc(all, func(p *ownPlugin) bool { return p.Name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// names are those of all plugins that a build may have.
func (all ownPlugins) names() []string {
	names := pluginNames()
	for _, p := range all {
		if !p.replaces() {
			names = append(names, p.Name)
		}
	}
	return names
}

// into tells a host which programs these are, and what each may do.
func (all ownPlugins) into(o *host.Options) {
	if len(all) == 0 {
		return
	}
	command, confine := o.Command, o.Confine
	o.Command = func(name string) (string, []string) {
		if p := all.named(name); p != nil {
			return p.path(), p.Args
		}
		return command(name)
	}
	o.Checksum = func(name string) (sum [sha256.Size]byte, checked bool) {
		if p := all.named(name); p != nil {
			return p.sum(), true
		}
		return sum, false
	}
	if confine != nil {
		o.Confine = func(name string) spec.Confinement {
			if p := all.named(name); p != nil {
				return p.rights.confinement()
			}
			return confine(name)
		}
	}
}

// extensions are what the site knows of them. Open says that they are not
// confined.
func (all ownPlugins) extensions(conn func(name string) grpc.ClientConnInterface, open bool) []site.Extension {
	var list []site.Extension
	for _, p := range all {
		e := site.Extension{Plugin: p.Plugin, Files: p.files(), Version: p.version(), Open: open || p.rights.any()}
		if !p.replaces() {
			e.Client = sitepb.NewSitePluginClient(conn(p.Name))
		}
		list = append(list, e)
	}
	return list
}

// versions are what the answers of each depend on besides their requests, by
// its name: nothing that is known for one that may look at more, which is not
// remembered.
func (all ownPlugins) versions(unconfined bool) map[string]string {
	versions := map[string]string{}
	for _, p := range all {
		versions[p.Name] = ""
		if !unconfined && !p.rights.any() {
			versions[p.Name] = p.Name + "\x00" + p.version()
		}
	}
	return versions
}

// namesOf are the names of all plugins, those of the configuration last.
func namesOf(cfg *config.Config) []string {
	names := pluginNames()
	for _, p := range cfg.Plugins {
		names = append(names, p.Name)
	}
	return names
}

// unchanged refuses a configuration that names other plugins than a server was
// started with.
func (all ownPlugins) unchanged(cfg *config.Config) error {
	same := len(all) == len(cfg.Plugins)
	for i, p := range cfg.Plugins {
		if same = same && slices.Equal(all[i].Args, p.Args) && slices.Equal(all[i].Stages, p.Stages) && all[i].Name == p.Name && all[i].Command == p.Command; !same {
			return cfg.Quote(diagnostic.Errors{p.Fault("the site's plugins have changed since ddc serve was started", "start it again")})
		}
	}
	if !same {
		return diagnostic.Errors{{File: config.Name, Message: "the site's plugins have changed since ddc serve was started", Hint: "start it again"}}
	}
	return nil
}
