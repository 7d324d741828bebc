package code_execution

import (
	"cmp"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ddc/plugin"
	"ddc/plugin/spec"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// Spec describes the code_execution plugin: it runs what the site's author
// wrote.
func Spec() spec.Spec {
	return spec.Spec{
		Name:     "code_execution",
		Open:     func() plugin.Service { return New() },
		Confine:  confine,
		Prepare:  makeFolders,
		Environ:  environ,
		CallTime: callTime,
		Here:     "it runs the site's code samples, with what is installed and fetched beside the site",
		Alone:    "it lets cargo work on one sample at a time",
		Answers: map[string]spec.Answer{
			pb.CodeExecution_Extract_FullMethodName: spec.Text,
			pb.CodeExecution_Execute_FullMethodName: spec.Text,
		},
	}
}

// callTime is a sample's own time, and the time that it waits for the jobs-1
// others before it begins.
func callTime(s spec.Site) time.Duration {
	return spec.DefaultCallTime + time.Duration(s.Jobs)*s.Samples.Time
}

// makeFolders makes the folders that the plugin may write to. If one can't be
// made, nothing is kept there, and the plugin says so.
func makeFolders(s spec.Site) {
	_ = os.MkdirAll(s.Samples.Cache, 0o777)
	if s.Samples.Fetched {
		makeCargoHome(cargoHome())
	}
}

// environ passes on what samples need of the user's cargo configuration, which
// the plugin may not read itself.
func environ(log *slog.Logger) []string {
	text, err := cargoConfig(cargoHome())
	if err != nil {
		log.Warn("code samples are compiled without cargo's configuration", "cause", err)
	}
	return []string{cargoVariable + "=" + text}
}

// confine allows the plugin the programs of the site's languages, wherever they
// are installed. Each sample may do less (limits.go). The plugin has the
// network only if the site's dependencies must be fetched.
func confine(s spec.Site) spec.Confinement {
	c := spec.Programs()
	c.Wardens = true
	c.Environment = append(spec.Proxies(),
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "CARGO_HOME", "CARGO_NET_*", "CARGO_HTTP_*", "CARGO_BUILD_*", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN",
		"RUSTUP_DIST_SERVER", "RUSTFLAGS", "CC", "CXX", "AR", "CFLAGS", "LDFLAGS", "LD_LIBRARY_PATH", "LIBRARY_PATH", "PKG_CONFIG_*",
		"GOROOT", "GOPATH", "GOFLAGS", "GOTOOLCHAIN", "PYTHON*", "PYENV_*", "VIRTUAL_ENV", "NODE_PATH", "NODE_OPTIONS", "RUBYLIB", "GEM_HOME", "GEM_PATH", "JAVA_HOME",
	)
	home, _ := os.UserHomeDir()
	p := &c.Policy
	p.Write = append(p.Write, s.Samples.Cache)
	p.Write = append(p.Write, filepath.SplitList(os.Getenv(writeVariable))...)
	p.Execute = append(p.Execute, s.Samples.Cache, cmp.Or(os.Getenv("RUSTUP_HOME"), filepath.Join(home, ".rustup")))
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(folder) {
			p.Execute = append(p.Execute, toolchain(filepath.Clean(folder))...)
		}
	}
	p.Read = append(p.Read, s.Samples.Sources...)
	// Nothing else of cargo's home, since it has tokens.
	crates := slices.Concat(cargoFolders(cargoHome()), cargoLocks(cargoHome()))
	if !s.Samples.Fetched {
		p.Read = append(p.Read, crates...)
		return c
	}
	p.Write = append(p.Write, crates...)
	return c.Online()
}

// toolchain are a folder of programs, and the folders beside it that usually
// belong to programs, by name. All folders beside it would be too many: in
// somebody's home they hold passwords too, as in ~/.docker, ~/.fly and
// ~/.cargo.
func toolchain(folder string) []string {
	folders := spec.Around(folder)
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
