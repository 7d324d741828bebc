package spec

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"ddc/internal/sandbox"
	"ddc/internal/tool"
)

// Confinement is what a plugin may do besides computing and answering calls. The
// zero Confinement is nothing. A plugin that the kernel could hold to it, and does
// not, is not started.
type Confinement struct {
	// Policy names files and rights on top of what a program needs to start.
	Policy Policy
	// Environment names the host's variables that the plugin gets, besides those
	// that all get. One that ends in an asterisk stands for all that begin so.
	Environment []string
	// Temporary allows to write in the folder that is its TMPDIR.
	Temporary bool
	// Wardens lets the plugin have programs started by wardens of the host's.
	Wardens bool
}

// Policy is what a Confinement leaves to a plugin.
type Policy = sandbox.Policy

// programs are where a system has its programs, and what those read.
var programs = Policy{
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

// Proxies are the variables that say how the internet is reached.
func Proxies() []string {
	return []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}
}

// Programs leaves a plugin the programs of the system, with what those read, and a
// temporary folder, since some insist on files.
func Programs() Confinement {
	p := programs
	p.Read, p.Execute = slices.Clone(p.Read), slices.Clone(p.Execute)
	return Confinement{Policy: p, Temporary: true}
}

// ForTools leaves a plugin the programs that it drives, and what they need.
func ForTools(tools []tool.Program) Confinement {
	c := Programs()
	c.Environment = []string{"PATH", "HOME"}
	for _, t := range tools {
		path, err := t.Find()
		if err != nil {
			continue // the plugin says so, when it is needed
		}
		c.Policy.Execute = append(c.Policy.Execute, homeOf(path)...)
		// By this file the plugin finds the same folder again.
		c.Policy.Read = append(c.Policy.Read, filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(path))), "go.mod"))
	}
	return c
}

// Online adds the internet to what is left to a plugin, but for [Proxies].
func (c Confinement) Online() Confinement {
	c.Policy.Network = true
	c.Policy.Read = slices.Concat(c.Policy.Read, internet, certificates())
	return c
}

func certificates() []string {
	return append(filepath.SplitList(os.Getenv("SSL_CERT_DIR")), filepath.SplitList(os.Getenv("SSL_CERT_FILE"))...)
}

// homeOf are the folders that a program's own files are in.
func homeOf(path string) []string {
	paths := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		paths = append(paths, real)
	}
	var folders []string
	for _, path := range paths {
		folders = append(folders, Around(filepath.Dir(path))...)
	}
	return folders
}

// Around is a folder of programs and, where that is a bin, the folder that holds the
// bin, but for somebody's home and the root.
func Around(folder string) []string {
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
