package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// cache is a separate build cache for mutants. Each mutant leaves some
// megabytes that nobody needs again; a thousand would fill the disk.
type cache struct {
	dir string // "" is the user's own, which is left as it is

	mu     sync.RWMutex    // held for reading by builds, for writing by tidy
	keep   map[string]bool // what the code as it is needs; nil until known
	counts sync.Mutex
	builds int
}

// build runs the go command.
func (c *cache) build(ctx context.Context, root string, args ...string) ([]byte, error) {
	c.mu.RLock()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	if c.dir != "" {
		cmd.Env = append(os.Environ(), "GOCACHE="+c.dir)
	}
	out, err := cmd.CombinedOutput()
	c.mu.RUnlock()

	c.counts.Lock()
	c.builds++
	due := c.builds%25 == 0
	c.counts.Unlock()
	if due {
		if err := c.tidy(); err != nil {
			return nil, err
		}
	}
	return out, err
}

// settle marks what is in the cache now as what tidy keeps.
func (c *cache) settle() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	keep := map[string]bool{}
	err := c.each(func(path string) error {
		keep[path] = true
		return nil
	})
	c.keep = keep
	return err
}

// tidy removes what mutants have left.
func (c *cache) tidy() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keep == nil {
		return nil // not settled yet
	}
	return c.each(func(path string) error {
		if c.keep[path] {
			return nil
		}
		return os.Remove(path)
	})
}

func (c *cache) each(do func(path string) error) error {
	if c.dir == "" {
		return nil
	}
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return do(path)
	})
	if err != nil {
		return fmt.Errorf("tidy build cache: %w", err)
	}
	return nil
}
