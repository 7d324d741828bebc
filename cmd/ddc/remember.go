package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"ddc/internal/query"
	"ddc/internal/query/store"
	"ddc/internal/tool"
	"ddc/site"
	"ddc/site/config"
)

// rememberVariable says where answers are remembered: a folder, or off. Without
// it they are in the project, in site.AnswersFolder.
const rememberVariable = "DDC_CACHE"

// remembrance is what plugins have answered in earlier builds, and what the
// site was made of; nil where nothing is remembered.
type remembrance struct {
	*site.Answers
	store *store.Store
	tools *toolVersions
	own   ownPlugins
	log   *slog.Logger

	// atOnce has differences told as they are found: a server may end in weeks.
	atOnce bool

	mu          sync.Mutex
	differences []error
}

// answerers are those that answer besides ddc's own plugins on this machine.
type answerers struct {
	remotes *remotes
	own     ownPlugins
	// unconfined says that own may look at whatever they like.
	unconfined bool
}

// remember opens what earlier builds have left. A build without is a slower
// one, and no other: what is in the way is told, and that is all.
func remember(ctx context.Context, cfg *config.Config, off bool, by answerers, log *slog.Logger) *remembrance {
	folder := os.Getenv(rememberVariable)
	if off || folder == "off" {
		return nil
	}
	opened, err := openRemembered(ctx, cfg, folder, by, log)
	if err != nil {
		log.Warn("nothing is remembered from build to build", "cause", err)
		return nil
	}
	return opened
}

func openRemembered(ctx context.Context, cfg *config.Config, folder string, by answerers, log *slog.Logger) (*remembrance, error) {
	if folder == "" {
		var err error
		if folder, err = site.AnswersFolder(cfg); err != nil {
			return nil, err
		}
	}
	version, err := programVersion()
	if err != nil {
		return nil, err
	}
	key, err := userKey()
	if err != nil {
		return nil, err
	}
	kept, err := store.Open(ctx, folder, store.Options{Version: version, Key: key, Said: func(what string) { log.Info(what) }})
	if err != nil {
		return nil, err
	}
	tools := &toolVersions{program: version, remotes: by.remotes, of: by.own.versions(by.unconfined)}
	return &remembrance{Answers: site.NewAnswers(kept, kept.Build(), tools.version), store: kept, tools: tools, own: by.own, log: log}, nil
}

// Open lets a site remember what the last process has made of it, and this
// one's.
func (r *remembrance) Open(ctx context.Context, cfg *config.Config, o *site.Options) (closed func()) {
	if r == nil {
		return func() {}
	}
	var versions []string
	for _, plugin := range pluginNames() {
		stamps, _ := r.tools.stamps(plugin)
		versions = append(versions, stamps...)
	}
	for _, p := range r.own {
		if !p.replaces() {
			continue // the site asks it, and knows what it is
		}
		version, known := r.tools.version(p.Name)
		if !known {
			return func() {} // what looks at more than it is asked about may make other pages of the same
		}
		versions = append(versions, version)
	}
	var session *store.Session
	world, err := site.World(cfg, *o, versions...)
	if err == nil {
		session, err = r.store.Session(ctx, world)
	}
	if err != nil {
		r.log.Warn("pages are not remembered from build to build", "cause", err)
		return func() {}
	}
	o.Remembered = &site.Remembered{Session: session, Build: r.store.Build(), Differs: r.differs}
	return session.Close
}

// Kept keeps what was answered too. A server has done its work with what it has
// read, so that nobody need do without that should it be killed.
func (r *remembrance) Kept(ctx context.Context) error {
	if err := r.store.Commit(ctx); err != nil {
		return err
	}
	return r.store.Sound()
}

func (r *remembrance) differs(d query.Difference) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.differences = append(r.differences, d)
	if r.atOnce {
		r.log.Error(d.Error() + ". The site has the right one. Please report this")
	}
}

// answers are those to build with.
func (r *remembrance) answers() *site.Answers {
	if r == nil {
		return nil
	}
	return r.Answers
}

func (r *remembrance) counts() *site.AnswerCounts {
	if r == nil {
		return nil
	}
	c := r.Counts()
	return &c
}

// close keeps what was answered, unless the build was interrupted. The build
// has done its work by then: should it be killed while that is written, which
// takes a while with a large cache, the next build still reads the last one. An
// answer that was remembered wrongly is an error, though the build has the
// right one.
//
// An abandoned build's answers are not kept: it uses the store until the
// process ends.
func (r *remembrance) close(ctx context.Context, abandoned bool, log *slog.Logger) error {
	if r == nil {
		return nil
	}
	if abandoned {
		return r.store.Leave()
	}
	if err := r.store.Sound(); err != nil {
		log.Info("should this build be killed now, the next does without what is remembered", "cause", err)
	}
	if err := r.store.Close(ctx); err != nil {
		log.Warn("this build's answers are not remembered", "cause", err)
	}
	differences := append(r.Differences(), r.differences...)
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w. The site is built with the answer worked out again. Please report this", errors.Join(differences...))
}

// toolVersions name, for each plugin, what its answers depend on besides their
// requests.
type toolVersions struct {
	program string
	remotes *remotes

	mu sync.Mutex
	of map[string]string
}

// version is the plugin's program and, for each tool that it drives, which file
// that is. False says that a tool is missing: what it is not there for may be
// answered otherwise once it is.
func (v *toolVersions) version(plugin string) (string, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, ok := v.of[plugin]
	if !ok {
		known = v.look(plugin)
		v.of[plugin] = known
	}
	return known, known != ""
}

func (v *toolVersions) look(plugin string) string {
	parts, whole := v.stamps(plugin)
	if !whole {
		return ""
	}
	return strings.Join(parts, "\x00")
}

// renew has plugins be other programs from now on: versions are as in of.
func (r *remembrance) renew(versions map[string]string) {
	if r == nil {
		return
	}
	r.tools.mu.Lock()
	defer r.tools.mu.Unlock()
	maps.Copy(r.tools.of, versions)
}

// stamps are what names a plugin's program and its tools; whole says that none
// is missing.
func (v *toolVersions) stamps(plugin string) (parts []string, whole bool) {
	s, err := specOf(plugin)
	if err != nil {
		return []string{plugin}, false
	}
	parts, whole = []string{v.program, plugin}, true
	for _, t := range s.Tools {
		stamp, err := toolStamp(t)
		if err != nil {
			// A tool that is here too is the same there, so the place does not
			// count.
			if digest, isRemote := v.remotes.tools(plugin); isRemote {
				return []string{v.program, plugin, digest}, true
			}
			stamp, whole = "missing", false
		}
		parts = append(parts, stamp)
	}
	return parts, whole
}

// toolStamp says which file a tool is. Installing another version makes another
// file; a script's package says its version beside it.
func toolStamp(t tool.Program) (string, error) {
	files, err := toolFiles(t)
	if err != nil {
		return "", err
	}
	var stamp strings.Builder
	for i, file := range files {
		info, err := os.Stat(file)
		switch {
		case err == nil:
			fmt.Fprintf(&stamp, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		case i == 0:
			return "", err
		}
	}
	return stamp.String(), nil
}

// programVersion is the build ID that the linker gave this program: a digest of
// all that it was made from.
func programVersion() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program's own file: %w", err)
	}
	program, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("read this program's build ID: %w", err)
	}
	defer program.Close()
	note := program.Section(".note.go.buildid")
	if note == nil {
		return "", errors.New("this program has no build ID, so nobody can tell it from another version")
	}
	id, err := note.Data()
	if err != nil {
		return "", fmt.Errorf("read this program's build ID: %w", err)
	}
	return hex.EncodeToString(id), nil
}

const keySize = 32

// userKey is a random number of the user's own, made once. What others have
// signed, such as a cache that came with a site's sources, is not read.
func userKey() ([]byte, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find a place for the cache's key: %w", err)
	}
	path := filepath.Join(folder, "ddc", "key")
	for range 2 {
		key, err := readKey(path)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return key, err
		}
		if err := writeKey(path); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("make the cache's key: %w", err)
		}
	}
	return nil, fmt.Errorf("make the cache's key: %s does not stay", path)
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key, err := io.ReadAll(io.LimitReader(f, keySize+1))
	if err != nil {
		return nil, fmt.Errorf("read the cache's key: %w", err)
	}
	if len(key) != keySize || bytes.Equal(key, make([]byte, keySize)) {
		return nil, fmt.Errorf("%s is no key of %d bytes: remove it, and the next build makes one", path, keySize)
	}
	return key, nil
}

// writeKey makes the key under another name and links it: of two builds that
// make one at the same time the first one's stays, and it is whole.
func writeKey(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "key-*") // for the user alone: 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	_, err = f.Write(key)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
