package heir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Remove removes a folder with all that is in it, whatever modes its folders
// have and however deep they are. Nothing may be at work in it. It is no error
// if it is not there.
func Remove(folder string) error {
	err := os.RemoveAll(folder)
	if err == nil {
		return nil
	}
	parent, openErr := os.OpenRoot(filepath.Dir(folder))
	if openErr != nil {
		return err
	}
	defer parent.Close()
	return RemoveIn(parent, filepath.Base(folder))
}

// RemoveIn is Remove for a folder within root. It follows no links.
//
// A folder that its owner may not read is changed so that he may. What is deep
// is brought up: each folder found becomes a sibling of the one it was in, so
// no path is ever long, and one folder at a time is open.
func RemoveIn(root *os.Root, name string) error {
	if root.RemoveAll(name) == nil {
		return nil
	}
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return root.Remove(name)
	}
	if err := root.Chmod(name, 0o700); err != nil {
		return err
	}
	top, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	if err := errors.Join(flatten(top), top.Close()); err != nil {
		return fmt.Errorf("remove %s: %w", filepath.Join(root.Name(), name), err)
	}
	return root.RemoveAll(name)
}

// flatten removes everything below top.
func flatten(top *os.Root) error {
	// Names that nobody has thought of before.
	brought, made := rand.Text(), 0
	folders := []string{"."}
	for len(folders) > 0 {
		folder := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		names, err := namesIn(top, folder)
		if err != nil {
			return err
		}
		for _, name := range names {
			path := filepath.Join(folder, name)
			info, err := top.Lstat(path)
			if err != nil {
				return err
			}
			if !info.IsDir() {
				if err := top.Remove(path); err != nil {
					return err
				}
				continue
			}
			// A folder can be moved only by who may write to it.
			up := brought + strconv.Itoa(made)
			made++
			if err := errors.Join(top.Chmod(path, 0o700), top.Rename(path, up)); err != nil {
				return err
			}
			folders = append(folders, up)
		}
		if folder != "." {
			if err := top.Remove(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

func namesIn(top *os.Root, folder string) ([]string, error) {
	f, err := top.Open(folder)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, errors.Join(err, f.Close())
}
