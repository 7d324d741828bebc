package code_execution

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

const (
	// fetchTimeout is how long cargo may take to get the crates of a sample.
	fetchTimeout = 5 * time.Minute
	// lockFile is where cargo records the versions that it has chosen.
	lockFile = "Cargo.lock"
	// maxLock bounds what is read of a lock file.
	maxLock = 4 << 20
)

// fetch downloads the crates that the project in a folder still needs. Only
// this step has the network, and may write to the folders for crates in the
// user's cargo home. Neither is there later, when crates are compiled and the
// sample runs.
//
// So nothing of the site may run here. Even to fetch, cargo would start the
// compiler wrapper that a .cargo/config.toml in the project's folder, or above
// it, names. Hence this step has a folder of its own, with only the manifest
// and the lock file, and uses the cargo on the PATH, not the one that the site
// names.
func (p *program) fetch(ctx context.Context, project string) (_ *outcome, err error) {
	if !p.isCargo || len(p.crates) == 0 {
		return &outcome{}, nil
	}
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		return nil, fmt.Errorf("fetch crates with the cargo on the PATH, not %s, which the site names: %w", p.tool.path, err)
	}
	folder, remove, err := temporaryFolder()
	if err != nil {
		return nil, fmt.Errorf("make a folder to fetch crates in: %w", err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	manifest, err := cargoToml("fetched", p.crates)
	if err != nil {
		return nil, fmt.Errorf("write Cargo.toml: %w", err)
	}
	c := command{wardens: p.wardens, name: p.place() + " (cargo fetch)", path: cargo, args: []string{"fetch", "--quiet"}, folder: folder, network: true, limit: fetchTimeout,
		environment: []string{"CARGO_TERM_COLOR=never"}}
	home, err := p.home(project)
	if err != nil {
		return nil, err
	}
	c.environment = append(c.environment, "CARGO_HOME="+home)
	c.write = slices.Concat([]string{home}, cargoFolders(cargoHome()), cargoLocks(cargoHome()))
	err = errors.Join(temporary(&c), writeFile(folder, "Cargo.toml", string(manifest)), writeFile(folder, rustFile, "fn main() {}\n"), copyLock(folder, project))
	if err != nil {
		return nil, err
	}
	ended, err := c.run(ctx)
	if err != nil || !ended.well() {
		return ended, err
	}
	return ended, copyLock(project, folder)
}

// copyLock copies a lock file from one folder to another, if there is one. The
// file may be anything that a sample has left.
func copyLock(to, from string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", lockFile, err)
	}
	defer root.Close()
	if info, err := root.Lstat(lockFile); err != nil || !info.Mode().IsRegular() || info.Size() > maxLock {
		return nil
	}
	text, err := root.ReadFile(lockFile)
	if err != nil {
		return fmt.Errorf("read %s: %w", lockFile, err)
	}
	return writeFile(to, lockFile, string(text))
}
