package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"ddc/internal/query"
	"ddc/internal/regular"
)

// file opens a regular file for reading.
func (s *Store) file(name string) (*os.File, error) { return s.fileAs(name, os.O_RDONLY, 0) }

func (s *Store) fileAs(name string, flags int, mode fs.FileMode) (*os.File, error) {
	f, _, err := regular.Open(s.root, name, flags, mode)
	return f, err
}

// sized opens a file of at most so many bytes, and says how many it has.
func (s *Store) sized(name string, most int64) (*os.File, int64, error) {
	f, info, err := regular.Open(s.root, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, 0, err
	}
	if size := info.Size(); size > most {
		return nil, 0, errors.Join(fmt.Errorf("%s has %d bytes, and at most %d are read", name, size, most), f.Close())
	}
	return f, info.Size(), nil
}

// read reads a file of at most so many bytes.
func (s *Store) read(name string, most int64) ([]byte, error) {
	f, size, err := s.sized(name, most)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, size) // files are renamed here, not written to
	_, err = io.ReadFull(f, text)
	return text, err
}

// readText is read for a text, without a copy of what may be megabytes.
func (s *Store) readText(name string, most int64) (string, error) {
	f, size, err := s.sized(name, most)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var text strings.Builder
	text.Grow(int(size))
	_, err = io.Copy(&text, io.LimitReader(f, size))
	return text.String(), err
}

// create makes a file for writing. What stands at its name, a link say, goes.
func (s *Store) create(name string) (*os.File, error) {
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// replace puts a file of some text in the place of what stands at its name.
func (s *Store) replace(name string, text []byte) error {
	part := partName(rand.Text())
	f, err := s.create(part)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, s.root.Remove(part))
	}
	return nil
}

// partName is the name under which this process writes something.
func partName(what string) string { return partPrefix + strconv.Itoa(os.Getpid()) + "-" + what }

// entries lists a folder.
func (s *Store) entries(folder string) ([]fs.DirEntry, error) { return fs.ReadDir(s.root.FS(), folder) }

func valuePath(f query.Fingerprint) string {
	name := hex.EncodeToString(f[:])
	return path.Join(valuesFolder, name[:2], name)
}

// writeValue writes a value under another name, and renames it: a value that is
// half written never has its name.
func (s *Store) writeValue(f query.Fingerprint, encoded []byte) error {
	name := valuePath(f)
	if info, err := s.root.Lstat(name); err == nil && info.Mode().IsRegular() && info.Size() == int64(len(encoded)) {
		return nil
	}
	if err := s.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	return s.replace(name, encoded)
}
