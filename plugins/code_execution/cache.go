package code_execution

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"ddc/internal/regular"
	"ddc/internal/tool"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// cacheFormat is raised when older results can no longer be used.
const cacheFormat = 1

// cache is the folder that keeps projects, cargo's builds and results between
// builds:
//
//	projects/KEY/    a cargo project for each sample
//	target/          what cargo built, shared by all of them
//	cargo/           their cargo home
//	results/KEY.json what a sample that ran well wrote
//
// A nil cache keeps nothing: each sample gets a temporary folder.
type cache struct{ root string }

func openCache(root string) (*cache, error) {
	if root == "" {
		return nil, nil
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find cache folder: %w", err)
	}
	c := &cache{root: root}
	if err := c.usable(); errors.Is(err, errLeadsOut) {
		return nil, err
	} else if err != nil {
		// A read-only site is built all the same, with each sample from
		// scratch.
		slog.Info("results of code samples are not kept", "folder", root, "cause", err)
		return nil, nil
	}
	return c, nil
}

// usable makes the cache's folders, and says why they cannot be written to.
func (c *cache) usable() error {
	for _, name := range []string{"projects", resultsFolder} {
		folder := filepath.Join(c.root, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		const write = 2 // W_OK
		if err := syscall.Access(folder, write); err != nil {
			return fmt.Errorf("write to %s: %w", folder, err)
		}
		if _, err := c.make(name); err != nil {
			return err
		}
	}
	return nil
}

// cacheKey stays the same as long as nothing changes that affects what a sample
// does. The sample's line is not part of it.
func cacheKey(sample *pb.Sample, language *pb.Language, crates []*pb.Dependency, t installed) (string, error) {
	parts, err := json.Marshal([]any{cacheFormat, sample.GetCode(), sample.GetLanguage(), t.identity,
		language.GetArgs(), language.GetExtension(), language.GetPrepareCode(), language.GetAutoImports(), crates})
	if err != nil {
		return "", fmt.Errorf("name the sample's result: %w", err)
	}
	sum := sha256.Sum256(parts)
	return hex.EncodeToString(sum[:]), nil
}

// folder gives the folder for a program, and a function that removes it unless
// it is kept.
func (c *cache) folder(key string, keep bool) (string, func() error, error) {
	if c != nil && keep {
		path, err := c.make(filepath.Join("projects", key))
		return path, func() error { return nil }, err
	}
	return temporaryFolder()
}

// temporaryFolder makes an empty folder, and gives a function that removes what
// a program has left there. It logs what it can't remove; the sample's result
// stays good.
func temporaryFolder() (string, func() error, error) {
	folder, remove, err := tool.NewFolder()
	return folder, func() error {
		if err := remove(); err != nil {
			slog.Warn("what a code sample has left cannot be removed", "folder", folder, "cause", err)
		}
		return nil
	}, err
}

// errLeadsOut is a fault of the cache that its owner must mend.
var errLeadsOut = errors.New("in the cache of code samples, is no folder, or a link that leads out: remove it")

// make makes a folder of the cache. A sample may write to it, so no link that
// the site has put there may lead it elsewhere.
func (c *cache) make(name string) (string, error) {
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return "", err
	}
	defer root.Close()
	path := filepath.Join(c.root, name)
	if err = root.MkdirAll(name, 0o755); err == nil {
		_, err = root.Stat(name)
	}
	var errno syscall.Errno // that a path leads out is none
	switch {
	case err == nil:
		return path, nil
	case errors.As(err, &errno) && !slices.Contains([]syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.EEXIST, syscall.ELOOP}, errno):
		return "", err // a full disk, say
	}
	return "", fmt.Errorf("%s, %w (%w)", path, errLeadsOut, err)
}

// target makes the folder that cargo builds in. Cargo itself locks it against
// other processes.
func (c *cache) target(folder string) (string, error) {
	if c == nil {
		path := filepath.Join(folder, "target")
		return path, os.MkdirAll(path, 0o755)
	}
	return c.make("target")
}

// result is what is kept of a run that went well.
type result struct {
	Stdout     string `json:"stdout"`
	Stderr     string `json:"stderr"`
	DurationMS int64  `json:"duration_ms"`
	Version    string `json:"tool_version"`
}

// load returns a kept result, or nil if there is none. A result that cannot be
// read counts as none: the sample is run again.
func (c *cache) load(key string) *pb.ExecuteResponse {
	if c == nil {
		return nil
	}
	text, err := c.read(filepath.Join(resultsFolder, key+".json"))
	if err != nil {
		return nil
	}
	var kept result
	if json.Unmarshal(text, &kept) != nil {
		return nil
	}
	return &pb.ExecuteResponse{Outcome: pb.ExecuteResponse_OUTCOME_SUCCESS, Stdout: kept.Stdout, Stderr: kept.Stderr,
		DurationMs: kept.DurationMS, ToolVersion: kept.Version, Cached: true}
}

// mostKept bounds what is read of a result: its output, each byte of which JSON
// may write as six.
const mostKept = 128 << 20

// read reads a file of the cache, which comes with whatever somebody copies:
// nobody waits for a pipe, and no link leads out.
func (c *cache) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, info, err := regular.Open(root, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > mostKept {
		return nil, fmt.Errorf("%s is no result", name)
	}
	return io.ReadAll(io.LimitReader(file, mostKept))
}

// resultsFolder is where results are kept, in the cache.
const resultsFolder = "results"

// store keeps a result. The file appears whole or not at all.
func (c *cache) store(key string, r *pb.ExecuteResponse) (err error) {
	if c == nil {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep the sample's result: %w", err)
		}
	}()
	text, err := json.Marshal(result{Stdout: r.GetStdout(), Stderr: r.GetStderr(), DurationMS: r.GetDurationMs(), Version: r.GetToolVersion()})
	if err != nil {
		return err
	}
	folder, err := c.make(resultsFolder)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(folder, key+".json"))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
