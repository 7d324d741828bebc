package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"ddc/internal/tool"
	"ddc/plugin/spec"
	"ddc/plugins/code_execution"
	"ddc/site/config"
)

// toolsOf are the external programs that plugins drive.
var toolsOf = map[string][]string{
	"fonts":    {"hb-subset", "woff2_compress"},
	"jxl":      {"cjxl", "djxl"},
	"pagefind": {"pagefind_extended"},
	"sass":     {"sass"},
}

// programs are where a system has its programs, and what those read.
var programs = spec.Policy{
	Programs: true,
	Execute:  []string{"/bin", "/sbin", "/usr", "/lib", "/lib64", "/opt", "/nix/store"},
	Read: []string{
		"/proc", "/sys/devices/system", "/sys/fs/cgroup", "/dev/full", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/alternatives",
		"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/fonts", "/etc/locale.alias",
	},
}

// internet is what asking for an address and speaking TLS reads.
var internet = []string{
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/nsswitch.conf", "/etc/services", "/etc/ssl", "/etc/pki",
	"/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/run/systemd/resolve", "/run/resolvconf",
}

// proxies are the variables that say how the internet is reached.
var proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// confine says what each of the sixteen plugins may do. Ten compute and no
// more; four of those that are left start one or two programs each, linkcheck
// asks the internet, and code_execution runs what the site's author wrote.
func confine(cfg *config.Config) func(name string) spec.Confinement {
	return func(name string) spec.Confinement {
		if name == "code_execution" {
			// A folder that is not there can't be allowed. Where it can't be made, nothing
			// is kept between builds, and the plugin says so.
			_ = os.MkdirAll(cfg.CodeExecution.CacheDir, 0o777)
			if fetches(cfg.CodeExecution) {
				code_execution.MakeCargoHome(code_execution.CargoHome())
			}
		}
		return confinementOf(name, cfg)
	}
}

func confinementOf(name string, cfg *config.Config) spec.Confinement {
	switch {
	case name == "linkcheck":
		return spec.Confinement{Policy: spec.Policy{Network: true, Read: append(certificates(), internet...)}, Environment: proxies}
	case name == "code_execution":
		return confineSamples(cfg.CodeExecution)
	case toolsOf[name] != nil:
		return confineTools(toolsOf[name])
	}
	return spec.Confinement{}
}

func certificates() []string {
	return append(filepath.SplitList(os.Getenv("SSL_CERT_DIR")), filepath.SplitList(os.Getenv("SSL_CERT_FILE"))...)
}

// confineTools is for a plugin that starts programs of package tool. They get
// a temporary folder, since some insist on files.
func confineTools(names []string) spec.Confinement {
	p := clone(programs)
	for _, name := range names {
		path, err := tool.Find(name)
		if err != nil {
			continue // the plugin says so, when it is needed
		}
		p.Execute = append(p.Execute, homeOf(path)...)
		// By this file the plugin finds the same folder again.
		p.Read = append(p.Read, filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(path))), "go.mod"))
	}
	return spec.Confinement{Policy: p, Temporary: true, Environment: []string{"PATH", "HOME"}}
}

// homeOf are the folders that a program's own files are in: its own, and, where
// that is a bin, the one that holds the bin, but for somebody's home and the root.
func homeOf(path string) []string {
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		paths = append(paths, real)
	}
	var folders []string
	for _, path := range paths {
		folders = append(folders, around(filepath.Dir(path))...)
	}
	return folders
}

func around(folder string) []string {
	parent := filepath.Dir(folder)
	if name := filepath.Base(folder); (name != "bin" && name != "shims") || parent == "/" || filepath.Base(parent) == ".local" || isHome(parent) {
		return []string{folder}
	}
	return []string{folder, parent}
}

// isHome says whether a folder is the home of whoever builds, by HOME or by the
// system's list of users: HOME may be another's, or missing.
func isHome(folder string) bool {
	homes := []string{os.Getenv("HOME")}
	if own, err := user.Current(); err == nil {
		homes = append(homes, own.HomeDir)
	}
	info, err := os.Stat(folder)
	for _, home := range homes {
		if home == folder {
			return true
		}
		if known, asked := os.Stat(home); asked == nil && err == nil && os.SameFile(known, info) {
			return true
		}
	}
	return false
}

// confineSamples is for code_execution, whose programs are those of the site's
// languages, wherever they are installed. Each sample is held to less: see
// plugins/code_execution. It has the network only where the site's dependencies
// are to be fetched.
func confineSamples(c config.CodeExecution) spec.Confinement {
	p := clone(programs)
	home, _ := os.UserHomeDir()
	cargo, rustup := code_execution.CargoHome(), variableOr("RUSTUP_HOME", filepath.Join(home, ".rustup"))
	p.Write = append(p.Write, c.CacheDir)
	// No more of cargo's home: it has tokens.
	crates := slices.Concat(code_execution.CargoFolders(cargo), code_execution.CargoLocks(cargo))
	p.Write = append(p.Write, filepath.SplitList(os.Getenv(code_execution.WriteVariable))...)
	p.Execute = append(p.Execute, c.CacheDir, rustup)
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(folder) {
			p.Execute = append(p.Execute, toolchain(filepath.Clean(folder))...)
		}
	}
	p.Network = fetches(c)
	if p.Network {
		p.Write = append(p.Write, crates...)
		p.Read = append(p.Read, slices.Concat(internet, certificates())...)
	} else {
		p.Read = append(p.Read, crates...)
	}
	for _, d := range c.Dependencies {
		if d.Path != "" {
			p.Read = append(p.Read, d.Path)
		}
	}
	return spec.Confinement{Policy: p, Temporary: true, Wardens: true, Environment: append([]string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "CARGO_HOME", "CARGO_NET_*", "CARGO_HTTP_*", "CARGO_BUILD_*", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN",
		"RUSTUP_DIST_SERVER", "RUSTFLAGS", "CC", "CXX", "AR", "CFLAGS", "LDFLAGS", "LD_LIBRARY_PATH", "LIBRARY_PATH", "PKG_CONFIG_*",
		"GOROOT", "GOPATH", "GOFLAGS", "GOTOOLCHAIN", "PYTHON*", "PYENV_*", "VIRTUAL_ENV", "NODE_PATH", "NODE_OPTIONS", "RUBYLIB", "GEM_HOME", "GEM_PATH", "JAVA_HOME",
	}, proxies...)}
}

// passCargoConfig leaves to code_execution, which may not read it, what samples
// need of the user's cargo configuration.
func passCargoConfig(log *slog.Logger) error {
	text, err := code_execution.CargoConfig(code_execution.CargoHome())
	if err != nil {
		log.Warn("code samples are compiled without cargo's configuration", "cause", err)
	}
	if err := os.Setenv(code_execution.CargoVariable, text); err != nil {
		return fmt.Errorf("pass on cargo's configuration: %w", err)
	}
	return nil
}

// fetches says whether a site has crates to be fetched.
func fetches(c config.CodeExecution) bool {
	return slices.ContainsFunc(c.Dependencies, func(d config.Dependency) bool { return d.Path == "" })
}

// toolchain are a folder of programs, and what belongs to them in the folders
// beside it, by their usual names: in somebody's home there may be a tool's
// passwords as well, as in ~/.docker, ~/.fly and ~/.cargo.
func toolchain(folder string) []string {
	folders := around(folder)
	home, _ := os.UserHomeDir()
	if within, err := filepath.Rel(home, folder); home == "" || err != nil || strings.HasPrefix(within, "..") || len(folders) == 1 {
		return folders
	}
	parent := folders[1]
	folders = folders[:1]
	for _, name := range []string{
		"lib", "lib32", "lib64", "libexec", "share", "include", "src", "pkg", "conf", "jre", "legal", "jmods", "misc", "release", "pyvenv.cfg",
		"VERSION", "go.env", "version", "versions", "plugins", "installs", "shims", "toolchains",
	} {
		folders = append(folders, filepath.Join(parent, name))
	}
	return folders
}

func variableOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func clone(p spec.Policy) spec.Policy {
	p.Read, p.Execute, p.Write = slices.Clone(p.Read), slices.Clone(p.Execute), slices.Clone(p.Write)
	return p
}

// confinements describes, for people, what confine leaves to the plugins.
func confinements(cfg *config.Config) string {
	allowed := map[string][]string{}
	for _, name := range pluginNames() {
		p := confinementOf(name, cfg).Policy
		if p.Network {
			allowed["network"] = append(allowed["network"], name)
		}
		if p.Programs {
			allowed["programs"] = append(allowed["programs"], name)
		}
	}
	return "network: " + strings.Join(allowed["network"], ", ") + "; programs: " + strings.Join(allowed["programs"], ", ")
}
