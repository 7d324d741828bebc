package spec

import (
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"ddc/internal/tool"
)

// Confinement is what a plugin may do besides computing and answering calls.
// The zero Confinement allows nothing. If the kernel could enforce it but does
// not, the plugin is not started.
type Confinement struct {
	// Policy names files and rights on top of what a program needs to start.
	Policy Policy
	// Environment names the host's variables that the plugin gets, besides
	// those that all plugins get. A name that ends in an asterisk stands for
	// all that begin with it.
	Environment []string
	// Temporary allows the plugin to write in its TMPDIR.
	Temporary bool
	// Wardens lets the plugin have programs started by the host's wardens.
	Wardens bool
}

// Policy is what a Confinement allows a plugin, in files and rights. The zero
// Policy allows nothing. A path that does not exist is not allowed.
type Policy struct {
	// Read are files, and folders with all below, that may be read.
	Read []string
	// Execute are the same, to be read and started as programs.
	Execute []string
	// Write are files, and folders in which anything may be read, made, changed
	// and removed.
	Write []string
	// Network allows sockets of the internet's families.
	Network bool
	// Programs allows the plugin to start programs: those of Execute, where the
	// kernel has Landlock. It also allows to change a file's mode, owner, times
	// and attributes.
	Programs bool
}

// programs are the folders where a system keeps its programs, and what those
// read.
var programs = Policy{
	Programs: true,
	Execute:  []string{"/bin", "/sbin", "/usr", "/lib", "/lib64", "/opt", "/nix/store"},
	Read: []string{
		"/proc", "/sys/devices/system", "/sys/fs/cgroup", "/dev/full", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/alternatives",
		"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/fonts", "/etc/locale.alias",
	},
}

// internet is what looking up a name and speaking TLS read.
var internet = []string{
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/nsswitch.conf", "/etc/services", "/etc/ssl", "/etc/pki",
	"/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/run/systemd/resolve", "/run/resolvconf",
}

// Proxies are the variables that say how to reach the internet.
func Proxies() []string {
	return []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}
}

// Programs allows a plugin the system's programs, what those read, and a
// temporary folder, since some insist on files.
func Programs() Confinement {
	p := programs
	p.Read, p.Execute = slices.Clone(p.Read), slices.Clone(p.Execute)
	return Confinement{Policy: p, Temporary: true}
}

// ForTools allows a plugin the programs that it drives, and what they need.
func ForTools(tools []tool.Program) Confinement {
	c := Programs()
	c.Environment = []string{"PATH", "HOME"}
	for _, t := range tools {
		path, err := t.Find()
		if err != nil {
			continue // the plugin says so, when it is needed
		}
		c.Policy.Execute = append(c.Policy.Execute, homeOf(path)...)
		// The plugin finds the same folder again by this file.
		c.Policy.Read = append(c.Policy.Read, filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(path))), "go.mod"))
	}
	return c
}

// Online adds the internet, but not [Proxies], to what a plugin may use.
func (c Confinement) Online() Confinement {
	c.Policy.Network = true
	c.Policy.Read = slices.Concat(c.Policy.Read, internet, certificates())
	return c
}

func certificates() []string {
	return append(filepath.SplitList(os.Getenv("SSL_CERT_DIR")), filepath.SplitList(os.Getenv("SSL_CERT_FILE"))...)
}

// homeOf are the folders of a program's own files.
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

// Around is a folder of programs. If the folder is a bin, its parent is added,
// unless that is somebody's home or the root.
func Around(folder string) []string {
	parent := filepath.Dir(folder)
	if name := filepath.Base(folder); (name != "bin" && name != "shims") || parent == "/" || filepath.Base(parent) == ".local" || isHome(parent) {
		return []string{folder}
	}
	return []string{folder, parent}
}

// isHome says whether a folder is the home of the user who builds, by HOME or
// by the system's list of users. HOME may be another user's, or missing.
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
