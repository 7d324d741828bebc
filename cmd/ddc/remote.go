package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ddc/internal/tool"
	"ddc/plugin/host"
	"ddc/plugin/remote"
)

// tlsFlags name the certificates of an end that talks to other machines.
type tlsFlags struct{ folder, cert, key, ca string }

func (f *tlsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.folder, "tls", "", "folder with tls.crt, tls.key and ca.crt: own certificate, key, and who signs\nthe other end's; needed off this machine")
	flags.StringVar(&f.cert, "tls-cert", "", "own certificate, instead of tls.crt of --tls")
	flags.StringVar(&f.key, "tls-key", "", "its key, instead of tls.key of --tls")
	flags.StringVar(&f.ca, "tls-ca", "", "certificate of who signs the other end's, instead of ca.crt of --tls")
}

// files are the certificates, or nil if none are named.
func (f *tlsFlags) files() (*remote.TLS, error) {
	if *f == (tlsFlags{}) {
		return nil, nil
	}
	in := func(given, name string) string {
		if given == "" && f.folder != "" {
			return filepath.Join(f.folder, name)
		}
		return given
	}
	t := &remote.TLS{Certificate: in(f.cert, "tls.crt"), Key: in(f.key, "tls.key"), Authority: in(f.ca, "ca.crt")}
	for _, one := range [][2]string{{"--tls-cert", t.Certificate}, {"--tls-key", t.Key}, {"--tls-ca", t.Authority}} {
		if one[1] == "" {
			return nil, usagef("%s is missing: both ends show a certificate, so all three files are needed; or name their folder with --tls", one[0])
		}
	}
	return t, nil
}

// plainHint is added where a target or address needs certificates.
func plainHint(err error) error {
	if errors.Is(err, remote.ErrPlain) {
		return fmt.Errorf("%w (--tls FOLDER); without them loopback or unix:PATH", err)
	}
	return err
}

// remoteFlags say which plugins run on other machines.
type remoteFlags struct {
	remote []string
	tls    tlsFlags
}

func (f *remoteFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.remote, "remote", nil, "call plugins on other machines (ddc worker): `NAMES=TARGET`, such as\nimage,webp=dns:///workers:7443, or =unix:PATH; may be given again")
	f.tls.register(flags)
}

// place is a target and the plugins that run there.
type place struct {
	target string
	names  []string
}

// places reads the flags.
func (f *remoteFlags) places() ([]place, error) {
	files, err := f.tls.files()
	switch {
	case err != nil:
		return nil, err
	case files != nil && len(f.remote) == 0:
		return nil, usagef("--tls: nothing is --remote, so nobody would look at the certificates")
	}
	var all []place
	seen := map[string]bool{}
	for _, word := range f.remote {
		list, target, ok := strings.Cut(word, "=")
		if !ok {
			return nil, usagef("--remote %q: write NAME=TARGET, such as image,webp=dns:///workers:7443", word)
		}
		if err := remote.CheckTarget(target, files != nil); err != nil {
			return nil, usagef("--remote: %w", plainHint(err))
		}
		at := slices.IndexFunc(all, func(p place) bool { return p.target == target })
		if at < 0 {
			at = len(all)
			all = append(all, place{target: target})
		}
		names, err := remotable("--remote", strings.Split(list, ","))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if seen[name] {
				return nil, usagef("--remote: plugin %s is named twice", name)
			}
			seen[name] = true
			all[at].names = append(all[at].names, name)
		}
	}
	return all, nil
}

// remotable are the names of plugins that may run on other machines.
func remotable(flag string, words []string) (names []string, err error) {
	for _, name := range words {
		name = strings.TrimSpace(name)
		s, err := specOf(name)
		if err != nil {
			return nil, usagef("%s: %w", flag, err)
		}
		if s.Here != "" {
			return nil, usagef("%s: the plugin %s cannot run on another machine: %s", flag, name, s.Here)
		}
		names = append(names, name)
	}
	return names, nil
}

// remotes are the connections to other machines; nil where there are none.
type remotes struct {
	conns   []*remote.Conn
	plugins map[string]*remote.Plugin
}

// connectRemotes asks the workers of each place whether they fit.
func connectRemotes(ctx context.Context, f *remoteFlags, shares memoryShares, callTime func(string) time.Duration) (*remotes, error) {
	all, err := f.places()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	files, err := f.tls.files()
	if err != nil {
		return nil, err
	}
	identity, err := ownIdentity()
	if err != nil {
		return nil, err
	}
	r := &remotes{plugins: map[string]*remote.Plugin{}}
	for _, p := range all {
		conn, err := remote.Dial(ctx, p.target, p.names, remote.Options{
			TLS: files, Identity: identity, Tools: knownTools, Replies: shares.replies(), MaxMessage: shares.requests().Bytes,
			CallTimeout: func(name string) time.Duration { return silences * callTime(name) },
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("--remote: %w", err), r.close())
		}
		r.conns = append(r.conns, conn)
		for _, name := range p.names {
			r.plugins[name] = conn.Plugin(name)
		}
	}
	return r, nil
}

// silences is how many times as long as a call may take a worker may say
// nothing at all: it makes a call that is not answered in time again itself.
const silences = 3

// plugin gives the connection to a plugin, by name, or nil if it runs here.
func (r *remotes) plugin(name string) host.Remote {
	if r == nil || r.plugins[name] == nil {
		return nil
	}
	return r.plugins[name]
}

// tools is the digest of the programs that a remote plugin drives.
func (r *remotes) tools(name string) (digest string, isRemote bool) {
	if r == nil || r.plugins[name] == nil {
		return "", false
	}
	return r.plugins[name].Tools(), true
}

func (r *remotes) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, c := range r.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// ownIdentity is what this program says of itself to workers and builds.
func ownIdentity() (remote.Identity, error) {
	program, err := programVersion()
	if err != nil {
		return remote.Identity{}, err
	}
	sum := sha256.Sum256([]byte(program))
	digest := hex.EncodeToString(sum[:])
	return remote.Identity{Program: digest, Version: version() + ", build " + digest[:8]}, nil
}

// knownTools is toolsDigest, or "" if a tool is not on this machine.
func knownTools(plugin string) string {
	digest, err := toolsDigest(plugin)
	if err != nil {
		return ""
	}
	return digest
}

// toolsDigest tells the programs that a plugin drives from others, on whatever
// machine they are: by their content, not by place and time. It is "" for a
// plugin that drives none.
func toolsDigest(plugin string) (string, error) {
	s, err := specOf(plugin)
	if err != nil || len(s.Tools) == 0 {
		return "", err
	}
	digest := sha256.New()
	for _, t := range s.Tools {
		if err := toolContent(digest, t); err != nil {
			return "", fmt.Errorf("plugin %s: %w", plugin, err)
		}
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// toolContent writes what a tool is made of: see toolFiles.
func toolContent(w io.Writer, t tool.Program) error {
	files, err := toolFiles(t)
	if err != nil {
		return err
	}
	for i, file := range files {
		f, err := os.Open(file)
		if i > 0 && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		content := sha256.New()
		_, err = io.Copy(content, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		fmt.Fprintf(w, "%s %d %x\n", t.Name, i, content.Sum(nil))
	}
	return nil
}

// toolFiles are a tool's program, which is there, and the files that say the
// version of a script's package, which may be: the package's own, or the list
// that make tools installs from.
func toolFiles(t tool.Program) ([]string, error) {
	path, err := t.Find()
	if err != nil {
		return nil, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	folder := filepath.Dir(path)
	above := filepath.Dir(folder)
	return []string{path, filepath.Join(folder, "package.json"), filepath.Join(above, "package.json"), filepath.Join(above, "npm", "package-lock.json")}, nil
}
