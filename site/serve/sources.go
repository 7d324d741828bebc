package serve

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"ddc/site/config"
)

// Sources are the files that a site is made of, whether they exist or not.
type Sources struct {
	// Root is the project's folder. Names of files are told relative to it.
	Root string
	// Folders are read whole, and Files one by one. All are absolute.
	Folders, Files []string
}

const (
	// mostHashed is the largest file whose content is compared. A larger one has
	// changed if its times, its size or its inode have.
	mostHashed = 8 << 20
	// unsure is how close to a file's last change its content may have been read
	// for the file to be read again: a second write in the same tick of the
	// file system's clock leaves all its times as they were.
	unsure = 2 * time.Second
	// deepest bounds how far folders are followed.
	deepest = 64
)

// stamp tells one state of a file from another.
type stamp struct {
	size              int64
	modified, changed int64 // in nanoseconds
	device, inode     uint64
	sum               [sha256.Size]byte
	read              int64 // when sum was taken; 0 if there is none
}

// sameFile says whether two stamps, but for what was read, are of one state.
func (s stamp) sameFile(t stamp) bool {
	return s.size == t.size && s.modified == t.modified && s.changed == t.changed && s.device == t.device && s.inode == t.inode
}

// inventory is what there was of a site's sources at one time.
type inventory struct {
	// files are the stamps of all files, by path as found.
	files map[string]stamp
	// folders are the real paths of what to watch. A nil value stands for
	// everything in the folder, and a set for the names in it that matter.
	folders map[string]map[string]bool
}

// take looks at the sources. Files whose stamps are as before are not read
// again.
func (s Sources) take(before inventory) inventory {
	now := inventory{files: map[string]stamp{}, folders: map[string]map[string]bool{}}
	for _, folder := range s.Folders {
		now.above(s.Root, folder)
		now.walk(folder, before, nil)
	}
	for _, file := range s.Files {
		now.above(s.Root, file)
		now.entry(file, before, nil)
	}
	return now
}

// above watches for a path that may come and go, and for the folders that it
// lies in, up to the project's own.
func (n inventory) above(root, path string) {
	for {
		parent := filepath.Dir(path)
		if parent == path {
			return
		}
		n.name(resolved(parent), filepath.Base(path))
		if !config.Within(root, parent) {
			return
		}
		path = parent
	}
}

// name has a name in a folder matter.
func (n inventory) name(folder, name string) {
	names, known := n.folders[folder]
	if known && names == nil {
		return
	}
	if !known {
		names = map[string]bool{}
		n.folders[folder] = names
	}
	names[name] = true
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// walk looks at a folder, and follows links. What can't be read is not there: a
// build says what is wrong with it.
func (n inventory) walk(folder string, before inventory, within []string) {
	real := resolved(folder)
	if slices.Contains(within, real) || len(within) > deepest {
		return
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return
	}
	n.folders[real] = nil
	within = append(within[:len(within):len(within)], real)
	for _, entry := range entries {
		n.entry(filepath.Join(folder, entry.Name()), before, within)
	}
}

func (n inventory) entry(file string, before inventory, within []string) {
	info, err := os.Lstat(file)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		n.followed(file)
		info, err = os.Stat(file)
	}
	switch {
	case err != nil:
	case info.IsDir():
		n.walk(file, before, within)
	case info.Mode().IsRegular():
		n.files[file] = stampOf(file, info, before.files[file])
	default:
		n.files[file] = stamp{modified: info.ModTime().UnixNano()}
	}
}

// followed watches where a link leads. A file there may be replaced without a
// change to the link's own folder.
func (n inventory) followed(link string) {
	target, err := filepath.EvalSymlinks(link)
	if err != nil {
		// A link to nothing: what it names may come.
		if target, err = os.Readlink(link); err != nil {
			return
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
	}
	n.name(resolved(filepath.Dir(target)), filepath.Base(target))
}

// stampOf looks at a file, which is read if it may have changed since before.
func stampOf(file string, info fs.FileInfo, before stamp) stamp {
	s := stamp{size: info.Size(), modified: info.ModTime().UnixNano()}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		s.changed = system.Ctim.Nano()
		s.device, s.inode = uint64(system.Dev), system.Ino
	}
	if s.size > mostHashed {
		return s
	}
	if s.sameFile(before) && before.read > s.changed+int64(unsure) {
		s.sum, s.read = before.sum, before.read
		return s
	}
	s.sum, s.read = sumOf(file), time.Now().UnixNano()
	return s
}

// sumOf digests a file. One that can't be read has a sum of its own: none.
func sumOf(file string) (sum [sha256.Size]byte) {
	// A pipe may have taken the file's place.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return sum
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, mostHashed+1)); err != nil {
		return sum
	}
	h.Sum(sum[:0])
	return sum
}

// equal says whether a build would read the same from both states of a file.
// Templates can show when a page was modified, to the second.
func equal(file string, a, b stamp) bool {
	if a.read == 0 || b.read == 0 {
		return a.sameFile(b)
	}
	return a.sum == b.sum && a.size == b.size && (path.Ext(file) != ".md" || a.modified/1e9 == b.modified/1e9)
}

// changes lists the files that differ, sorted.
func (n inventory) changes(before inventory) (changes []string, gone bool) {
	for file, s := range n.files {
		if b, was := before.files[file]; !was || !equal(file, s, b) {
			changes = append(changes, file)
		}
	}
	for file := range before.files {
		if _, is := n.files[file]; !is {
			changes = append(changes, file)
			gone = true
		}
	}
	slices.Sort(changes)
	return changes, gone
}

// torn says whether a file that had content has none: most likely somebody is
// about to write it.
func (n inventory) torn(before inventory) bool {
	for file, s := range n.files {
		if b, was := before.files[file]; s.size == 0 && was && b.size > 0 {
			return true
		}
	}
	return false
}
