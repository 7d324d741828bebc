package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"ddc/site/output"
)

// spill keeps files that wait to be written or asked for, and are too large to
// be held: a picture's variants. They lie in a folder beside the output, of a
// kind with that which a build fills, by names that have their contents'
// hashes.
type spill struct {
	mu    sync.Mutex
	stage *output.Stage // made for the first file
	names map[string]bool
}

// keep writes a file, if there is none of that name.
func (s *staticPhase) keep(ctx context.Context, name string, data []byte) error {
	k := &s.spill
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names[name] {
		return nil
	}
	if k.stage == nil {
		stage, err := s.begin(cmp.Or(s.options.Unfinished.Beside, s.cfg.Output))
		if err != nil {
			return err
		}
		k.stage, k.names = stage, map[string]bool{}
	}
	if err := k.stage.Write(ctx, name, data); err != nil {
		return err
	}
	k.names[name] = true
	return nil
}

// kept opens a file that was kept.
func (s *staticPhase) kept(name string) (*os.File, error) {
	s.spill.mu.Lock()
	defer s.spill.mu.Unlock()
	if !s.spill.names[name] {
		return nil, fmt.Errorf("%s %w", name, errNotSpilt)
	}
	return s.spill.stage.Open(name)
}

// errNotSpilt says that a file does not wait.
var errNotSpilt = errors.New("is not there yet")

// contentsOf reads a file that was opened.
func contentsOf(f *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

func (k *spill) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stage != nil {
		k.stage.Abort()
	}
}

// begin makes a hidden folder beside the output, or what stands for it.
func (b *build) begin(beside string) (*output.Stage, error) {
	stage, err := output.Begin(beside, b.options.Unfinished.TempDir)
	if errors.Is(err, output.ErrForeign) {
		return nil, Errors{{File: beside, Message: "the output folder is not empty and was not made by ddc",
			Hint: "choose another with -o, or empty it"}}
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the output: %w", err)
	}
	return stage, nil
}
