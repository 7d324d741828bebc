package code_execution

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"ddc/internal/enclosure"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// installed is a command that exists.
type installed struct {
	path    string
	version string // first line of what it says of its version, or empty
	// identity changes when the tool changes, even if the tool gives no
	// version.
	identity string
}

// versions remembers the tools' versions, since asking takes longer than many
// samples.
type versions struct {
	asking *semaphore.Weighted // of one: guards known
	known  map[string]installed
}

// find looks a command up. If it does not exist or does not run, the second
// result says so.
func (v *versions) find(ctx context.Context, wardens *enclosure.Starter, name string) (installed, *pb.ExecuteResponse, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return installed{}, missing(name, fmt.Sprintf("%s is not installed: %s", name, howToInstall(name))), nil
	}
	if path, err = filepath.Abs(path); err != nil {
		return installed{}, nil, fmt.Errorf("find %s: %w", name, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return installed{}, nil, fmt.Errorf("find %s: %w", name, err)
	}
	file := fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
	if err := v.asking.Acquire(ctx, 1); err != nil {
		return installed{}, nil, err
	}
	defer v.asking.Release(1)
	if known, ok := v.known[file]; ok {
		return known, nil, nil
	}
	ended, err := ask(ctx, wardens, path)
	if err != nil {
		return installed{}, nil, fmt.Errorf("ask %s for its version: %w", name, err)
	}
	t := installed{path: path, identity: file}
	if ended.well() {
		t.version = firstLine(ended.stdout)
		t.identity += " " + t.version // rustup's cargo is one file for all versions
	} else if filepath.Base(name) == "cargo" {
		return installed{}, missing(name, fmt.Sprintf("cargo is there, but does not run: %s", firstLine(ended.stderr))), nil
	}
	v.known[file] = t
	return t, nil, nil
}

// ask runs a tool in an empty folder to get its version.
func ask(ctx context.Context, wardens *enclosure.Starter, path string) (_ *outcome, err error) {
	folder, remove, err := temporaryFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	c := command{wardens: wardens, name: path + " --version", path: path, args: []string{"--version"}, folder: folder, limit: time.Minute}
	return c.run(ctx)
}

func missing(name, why string) *pb.ExecuteResponse {
	return &pb.ExecuteResponse{Outcome: pb.ExecuteResponse_OUTCOME_TOOL_MISSING, MissingTool: name, Error: why}
}

func howToInstall(name string) string {
	switch filepath.Base(name) {
	case "cargo", "rustc":
		return "get it from https://rustup.rs, or build with --no-code-exec"
	}
	return "install it, put it on the PATH, or build with --no-code-exec"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}
