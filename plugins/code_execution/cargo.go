package code_execution

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// A cargo home holds what compiling needs, but also tokens: credentials.toml,
// config.toml. So samples have a cargo home of their own. The folders in it are
// links to the user's, and its configuration is what cargoConfig lets through.

// cargoVariable names the environment variable with the configuration for
// samples' cargo.
const cargoVariable = "DDC_CARGO_CONFIG"

// cargoHome is the user's cargo home, or "" if it is not known.
func cargoHome() string {
	home := cmp.Or(os.Getenv("CARGO_HOME"), filepath.Join(os.Getenv("HOME"), ".cargo"))
	if !filepath.IsAbs(home) {
		return ""
	}
	return home
}

// cargoFolders are the folders of a cargo home that keep crates. cargoLocks are
// the files by which several cargos take turns.
func cargoFolders(home string) []string { return inHome(home, "registry", "git") }
func cargoLocks(home string) []string {
	return inHome(home, ".package-cache", ".package-cache-mutate")
}

func inHome(home string, names ...string) []string {
	if home == "" {
		return nil
	}
	for i, name := range names {
		names[i] = filepath.Join(home, name)
	}
	return names
}

// makeCargoHome makes what is missing in a cargo home, since a path that does
// not exist can't be allowed. It leaves a home that can't be written to as it
// is.
func makeCargoHome(home string) {
	for _, folder := range cargoFolders(home) {
		_ = os.MkdirAll(folder, 0o755)
	}
	for _, lock := range cargoLocks(home) {
		if file, err := os.OpenFile(lock, os.O_RDWR|os.O_CREATE, 0o644); err == nil {
			_ = file.Close()
		}
	}
}

// passedOn is what samples' cargo gets of a cargo configuration: where crates
// come from and how programs are linked. "*" stands for any name. Anything else
// may be a token, or a program to start.
var passedOn = [][]string{
	{"source", "*", "replace-with"}, {"source", "*", "registry"}, {"source", "*", "local-registry"}, {"source", "*", "directory"},
	{"source", "*", "git"}, {"source", "*", "branch"}, {"source", "*", "tag"}, {"source", "*", "rev"},
	{"registries", "*", "index"}, {"registries", "*", "protocol"}, {"registry", "default"},
	{"net", "retry"}, {"net", "git-fetch-with-cli"},
	{"http", "proxy"}, {"http", "cainfo"}, {"http", "check-revoke"}, {"http", "ssl-version"}, {"http", "timeout"}, {"http", "multiplexing"},
	{"build", "target"}, {"build", "rustflags"}, {"target", "*", "linker"}, {"target", "*", "rustflags"},
}

// maxCargoConfig bounds what is read of a configuration.
const maxCargoConfig = 1 << 20

// cargoConfig is the configuration in a cargo home without secrets: what
// passedOn names, but for addresses with a password.
func cargoConfig(home string) (string, error) {
	for _, name := range []string{"config", "config.toml"} { // the first one counts, as cargo has it
		file, err := os.Open(filepath.Join(home, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read cargo's configuration: %w", err)
		}
		text, err := io.ReadAll(io.LimitReader(file, maxCargoConfig))
		if err = errors.Join(err, file.Close()); err != nil {
			return "", fmt.Errorf("read cargo's configuration: %w", err)
		}
		var all map[string]any
		if err := toml.Unmarshal(text, &all); err != nil {
			return "", fmt.Errorf("read %s: %w", filepath.Join(home, name), err)
		}
		kept, err := toml.Marshal(without(all, nil))
		return string(kept), err
	}
	return "", nil
}

// without is what may be passed on of the table at a path.
func without(table map[string]any, path []string) map[string]any {
	kept := map[string]any{}
	for key, value := range table {
		at := append(path[:len(path):len(path)], key)
		if inner, ok := value.(map[string]any); ok {
			if inner = without(inner, at); len(inner) > 0 {
				kept[key] = inner
			}
			continue
		}
		if text, ok := value.(string); ok && hasPassword(text) {
			continue
		}
		for _, name := range passedOn {
			if matches(name, at) {
				kept[key] = value
			}
		}
	}
	return kept
}

func matches(pattern, path []string) bool {
	if len(pattern) != len(path) {
		return false
	}
	for i, word := range pattern {
		if word != "*" && word != path[i] {
			return false
		}
	}
	return true
}

// hasPassword says whether a text is an address with something before its host,
// such as https://token@host.
func hasPassword(text string) bool {
	_, address, found := strings.Cut(text, "://")
	if !found {
		return false
	}
	parsed, err := url.Parse("x://" + address)
	return err != nil || parsed.User != nil
}

// home makes the cargo home of samples. Its place stays the same while results
// are kept, since cargo compiles a crate again when the crate has moved.
func (p *program) home(folder string) (string, error) {
	if p.cache != nil {
		folder = p.cache.root
	}
	home := filepath.Join(folder, "cargo")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("make a cargo home: %w", err)
	}
	if err := writeFile(home, "config.toml", os.Getenv(cargoVariable)); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return "", fmt.Errorf("make a cargo home: %w", err)
	}
	defer root.Close()
	real := cargoHome()
	for _, path := range append(cargoFolders(real), cargoLocks(real)...) {
		if err := link(root, path); err != nil {
			return "", fmt.Errorf("make a cargo home: %w", err)
		}
	}
	return home, nil
}

// link makes a link to a path, if the path exists. A right link stays as it is:
// another cargo may be using it.
func link(root *os.Root, path string) error {
	name := filepath.Base(path)
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	if now, err := root.Readlink(name); err == nil && now == path {
		return nil
	}
	return errors.Join(root.RemoveAll(name), root.Symlink(path, name))
}
