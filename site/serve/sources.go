package serve

import (
	"context"
	"crypto/sha256"
	"errors"
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
	// mostHashed is the largest file whose content is compared. A larger one
	// has changed if its times, its size or its inode have.
	mostHashed = 8 << 20
	// unsure is how close to a file's last change its content may have been
	// read for the file to be read again: a second write in the same tick of
	// the file system's clock leaves all its times as they were.
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
	// found are the paths by which each folder was found that is read whole, by
	// its real path, and ways all of them. ends are the real paths that links
	// lead to.
	found      map[string][]string
	ways, ends map[string]bool
}

// take looks at the sources. Files whose stamps are as before are not read
// again. Once ctx is done, there is less in the inventory than there is.
func (s Sources) take(ctx context.Context, before inventory) inventory {
	now := inventory{map[string]stamp{}, map[string]map[string]bool{}, map[string][]string{}, map[string]bool{}, map[string]bool{}}
	for _, folder := range s.Folders {
		now.above(s.Root, folder)
		now.walk(ctx, folder, before, nil)
	}
	for _, file := range s.Files {
		now.above(s.Root, file)
		now.entry(ctx, file, before, nil)
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
func (n inventory) walk(ctx context.Context, folder string, before inventory, within []string) {
	real := resolved(folder)
	if slices.Contains(within, real) || len(within) > deepest {
		return
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return
	}
	n.folders[real], n.ways[folder] = nil, true
	n.found[real] = append(n.found[real], folder)
	within = append(within[:len(within):len(within)], real)
	for _, entry := range entries {
		if ctx.Err() != nil {
			return
		}
		n.entry(ctx, filepath.Join(folder, entry.Name()), before, within)
	}
}

func (n inventory) entry(ctx context.Context, file string, before inventory, within []string) {
	info, err := os.Lstat(file)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		n.followed(file)
		info, err = os.Stat(file)
	}
	switch {
	case err != nil:
	case info.IsDir():
		n.walk(ctx, file, before, within)
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
	folder := resolved(filepath.Dir(target))
	n.ends[filepath.Join(folder, filepath.Base(target))] = true
	n.name(folder, filepath.Base(target))
}

// stampOf looks at a file, which is read if it may have changed since before.
func stampOf(file string, info fs.FileInfo, before stamp) stamp {
	s := stamp{size: info.Size(), modified: info.ModTime().UnixNano()}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		s.changed = system.Ctim.Nano()
		s.device, s.inode = uint64(system.Dev), system.Ino //nolint:unconvert // of 32 bits on some machines
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

// difference is what a look has found that an inventory does not have.
type difference struct {
	// all is what there is, if all was looked at; else seen is what stands at
	// some paths, with nil for nothing.
	all  *inventory
	seen map[string]*stamp
	// changes are the files that differ, sorted. gone says that one is no more;
	// torn, that one which had content has none: most likely somebody is about
	// to write it.
	changes    []string
	gone, torn bool
}

// compare notes what stands at a path.
func (d *difference) compare(n inventory, file string, now *stamp) {
	before, was := n.files[file]
	switch {
	case now == nil && !was, now != nil && was && equal(file, *now, before):
		return
	case now == nil:
		d.gone = true
	case was && now.size == 0 && before.size > 0:
		d.torn = true
	}
	d.changes = append(d.changes, file)
}

// differs compares everything there is with an inventory.
func (n inventory) differs(from inventory) *difference {
	d := &difference{all: &n}
	for file, s := range n.files {
		d.compare(from, file, &s)
	}
	for file := range from.files {
		if _, is := n.files[file]; !is {
			d.compare(from, file, nil)
		}
	}
	slices.Sort(d.changes)
	return d
}

// glance looks at some real paths alone. It fails where more has to be looked
// at to know what there is: at a folder, a link, what either was, and what is
// known by another name too.
func (n inventory) glance(at map[string]bool) (d *difference, ok bool) {
	d = &difference{seen: map[string]*stamp{}}
	for path := range at {
		ways := n.found[filepath.Dir(path)]
		if len(ways) == 0 || n.ends[path] {
			return nil, false
		}
		for _, way := range ways {
			file := filepath.Join(way, filepath.Base(path))
			info, err := os.Lstat(file)
			switch {
			case n.ways[file]:
				return nil, false
			case errors.Is(err, fs.ErrNotExist):
				d.seen[file] = nil
			case err != nil || !info.Mode().IsRegular() || names(info) > 1:
				return nil, false
			default:
				s := stampOf(file, info, n.files[file])
				d.seen[file] = &s
			}
			d.compare(n, file, d.seen[file])
		}
	}
	slices.Sort(d.changes)
	return d, true
}

// names is how many names a file has.
func names(info fs.FileInfo) uint64 {
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(system.Nlink) //nolint:unconvert // of 32 bits on arm64
	}
	return 1
}

// accept takes in what was found.
func (n *inventory) accept(d *difference) {
	if d.all != nil {
		*n = *d.all
		return
	}
	for file, s := range d.seen {
		if s == nil {
			delete(n.files, file)
		} else {
			n.files[file] = *s
		}
	}
}
