package host

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"ddc/internal/proc"
)

// ErrChecksum is the error of a call whose plugin was not started, since its
// program is another than Options.Checksum asks for. Install the right one.
var ErrChecksum = errors.New("the program is not the one that the host asks for")

func (h *Host) checksum(name string) (sum [sha256.Size]byte, checked bool) {
	if h.options.Checksum == nil {
		return sum, false
	}
	return h.options.Checksum(name)
}

// verifiedProgram is an open program whose content was checked. What is put in
// the place of its name after the check is not run: it is started through its
// descriptor, or, since a process in a sandbox cannot follow that, by its name
// and with leave to execute no other file than the open one. Its content can
// still be changed by whoever may write to it.
type verifiedProgram struct {
	file *os.File
	name string
}

// verify opens a program and checks its content.
func verify(path string, want [sha256.Size]byte) (*verifiedProgram, error) {
	path, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("check the program: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("check the program: %w", err)
	}
	digest := sha256.New()
	if _, err = io.Copy(digest, file); err == nil && [sha256.Size]byte(digest.Sum(nil)) != want {
		err = fmt.Errorf("%s has SHA-256 %x, and %x is asked for: %w", path, digest.Sum(nil), want, ErrChecksum)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &verifiedProgram{file, path}, nil
}

// path names the open file while it is open, for this process and its children.
func (v *verifiedProgram) path() string {
	return fmt.Sprintf("%s/fd/%d", proc.Folder(os.Getpid()), v.file.Fd())
}

func (v *verifiedProgram) close() { _ = v.file.Close() } // it was only read
