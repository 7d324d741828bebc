package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ddc/internal/bulk"
	"ddc/internal/query"
	"ddc/site/asset"
	"ddc/site/config"
	"ddc/site/content"
)

// sourcePhase has the inputs of all that follows: the site's folders and files.
type sourcePhase struct {
	*build
	engine  *query.Engine
	scanned scanned

	// Keys are names relative to the project; of listings, kinds of folders.
	listings *query.Query[listing]
	texts    *query.Query[string]
	digests  *query.Query[[]byte]
	modified *query.Query[int64]
	places   *query.Query[string]
	times    *query.Query[time.Time]
}

func newSourcePhase(b *build, e *query.Engine) *sourcePhase {
	s := &sourcePhase{build: b, engine: e}
	s.listings = query.NewInput(e, "folder", query.JSON[listing](), func(_ context.Context, kind string) (listing, error) { return s.scanned.folders[kind], nil })
	s.texts = query.NewInput(e, "text", text, s.lookText, query.Spilt)
	s.digests = query.NewInput(e, "digest", query.Bytes(), s.lookDigest)
	s.modified = query.NewInput(e, "modified", query.JSON[int64](), s.lookModified)
	s.places = query.NewInput(e, "place", text, s.lookPlace)
	s.times = query.NewInput(e, "time", query.JSON[time.Time](), func(context.Context, string) (time.Time, error) { return s.now(), nil })
	return s
}

// now is the time that templates are told.
func (s *sourcePhase) now() time.Time {
	if !s.options.Now.IsZero() {
		return s.options.Now
	}
	return s.scanned.at
}

// scanned is the project as it was last scanned, and what has been looked at of
// it. It changes only while nobody asks the site (Engine.Revise).
type scanned struct {
	// at is when anything was looked at last, and seen when everything was.
	at, seen time.Time
	folders  map[string]listing // by kind
	files    map[string]content.File
	moved    bool // a file is not as it was kept
	// unsettled says that one of what was read is: a look at all has to find
	// it.
	unsettled bool
	// strays are files outside of the site's folders that templates have asked
	// for, by the name that they asked for. What was not there has an empty
	// File.
	mu     sync.Mutex
	strays map[string]content.File
	// read has what was read of a file, by its name: a digest of its contents,
	// or unsettled.
	read map[string]string
}

// listing is what a folder of the site has in it, sorted by path. Its files'
// contents are inputs of their own.
type listing struct {
	Paths  []string // below the folder
	Names  []string // for people, and to read them by
	Faults []Problem
}

const contentFolder = "content"

// siteFolders are what a site is made of. The content folder may have another
// name.
var siteFolders = append([]string{contentFolder}, sourceFolders[:]...)

// folderOf is the path of a folder of the site.
func (s *sourcePhase) folderOf(kind string) string {
	if kind == contentFolder {
		return s.cfg.Content
	}
	return s.cfg.Folder(kind)
}

// tooLarge is the fault of a file that no file can be copied of, since it has
// more bytes than the file system of the output has in all. One with holes can
// have any number of them, and takes as long to be read and sent as if it had
// none.
func (b *build) tooLarge(f content.File) error {
	if f.Size <= anyDisk {
		return nil
	}
	most, known := bulk.Capacity(b.cfg.Output)
	if !known || f.Size <= most {
		return nil
	}
	return Errors{{File: f.Name, Message: fmt.Sprintf("has %s; all of the file system that the output is written to has %s", bytesOf(f.Size), bytesOf(most)),
		Hint: "move it out of the site"}}
}

// anyDisk is what is read of a file without a look at the disk: a second's
// work.
const anyDisk = 1 << 30

// sum digests a file without holding it in memory.
func (b *build) sum(ctx context.Context, f content.File) ([]byte, error) {
	if err := b.tooLarge(f); err != nil {
		return nil, err
	}
	file, err := b.project.OpenFile(f)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return bulk.Digest(ctx, file, asset.NewHash())
}

// file is what was scanned of a name. A file that has gone is looked for once
// more, and then is the fault of reading it.
func (s *sourcePhase) file(name string) content.File {
	if f, there := s.scanned.files[name]; there {
		return f
	}
	f, err := s.project.Find(name)
	if err != nil {
		return content.File{Path: name, Name: name}
	}
	return f
}

func (s *sourcePhase) noteRead(name string, data []byte) {
	h := asset.NewHash()
	h.Write(data)
	s.noteSum(name, h.Sum(nil))
}

// unsettled stands for a file that had other contents when it was read again,
// with no scan between: the next scan has to say that it has changed.
const unsettled = ""

func (s *sourcePhase) noteSum(name string, sum []byte) {
	s.scanned.mu.Lock()
	defer s.scanned.mu.Unlock()
	if s.scanned.read == nil {
		s.scanned.read = map[string]string{}
	}
	if known, read := s.scanned.read[name]; read && known != string(sum) {
		s.scanned.read[name], s.scanned.unsettled = unsettled, true
		return
	}
	s.scanned.read[name] = string(sum)
}

// lookText reads a text.
func (s *sourcePhase) lookText(_ context.Context, name string) (string, error) {
	f := s.file(name)
	if f.Size <= s.cfg.MaxText { // else that is what is wrong with it
		if err := s.hold(f.Name, f.Size); err != nil {
			return "", err
		}
	}
	data, err := s.read(f, s.cfg.MaxText)
	var large *content.TooLarge
	if errors.As(err, &large) {
		return "", Errors{{File: f.Name, Message: fmt.Sprintf("is a text of %s; at most %s is read of one", bytesOf(large.Size), bytesOf(s.cfg.MaxText)),
			Hint: "split the file, or allow more with max_text_mib in " + config.Name}}
	}
	if err != nil {
		return "", err
	}
	s.noteRead(name, data)
	text, line, col, ok := content.Text(data)
	if !ok {
		return "", Errors{{File: f.Name, Line: line, Col: col, Message: "is not UTF-8", Hint: "save the file as UTF-8"}}
	}
	return text, nil
}

// lookDigest digests a file's contents, unless that was done when it was last
// read.
func (s *sourcePhase) lookDigest(ctx context.Context, name string) ([]byte, error) {
	s.scanned.mu.Lock()
	known, read := s.scanned.read[name]
	s.scanned.mu.Unlock()
	if read && known != unsettled {
		return []byte(known), nil
	}
	sum, err := s.sum(ctx, s.file(name))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, new(Errors)):
		return nil, err
	case err != nil:
		return nil, Errors{{File: name, Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
	}
	s.noteSum(name, sum)
	return sum, nil
}

// lookModified is when a file was last written, in seconds since 1970; 0 for
// none.
func (s *sourcePhase) lookModified(_ context.Context, name string) (int64, error) {
	if at := s.file(name).Modified; !at.IsZero() {
		return at.Unix(), nil
	}
	return 0, nil
}

// lookPlace says what stands at a name relative to the project: "" if it is a
// file, "absent", or why it cannot be read.
func (s *sourcePhase) lookPlace(_ context.Context, name string) (string, error) {
	f, err := s.project.Find(name)
	s.scanned.mu.Lock()
	defer s.scanned.mu.Unlock()
	if s.scanned.strays == nil {
		s.scanned.strays = map[string]content.File{}
	}
	s.scanned.strays[name] = f
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, fs.ErrNotExist):
		return absent, nil
	default:
		return err.Error(), nil
	}
}

const absent = "absent"

// bytes reads a file that need not be text, whose digest the caller has asked
// for.
func (s *sourcePhase) bytes(name string) ([]byte, error) {
	data, err := s.read(s.file(name), maxBytes)
	var large *content.TooLarge
	if errors.As(err, &large) {
		return nil, Errors{{File: name, Message: fmt.Sprintf("has %s; a picture or font has at most %s", bytesOf(large.Size), bytesOf(maxBytes)),
			Hint: "scale it down, or give it an extension of a file that is only copied"}}
	}
	return data, err
}

// maxBytes bounds what is read of a picture or font: more than any message may
// hold.
const maxBytes = 256 << 20

// read reads a whole file. One of more bytes than most is a *content.TooLarge.
func (b *build) read(f content.File, most int64) ([]byte, error) {
	data, err := b.project.ReadFile(f, most)
	var large *content.TooLarge
	if err == nil || errors.As(err, &large) {
		return data, err
	}
	return nil, Errors{{File: f.Name, Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
}

// textFiles are the texts in a folder beside the content, of some extensions.
type textFiles struct {
	// Texts and Names, for people, by path below the folder. A file that can't
	// be read is in neither.
	Texts, Names map[string]string
}

// textsIn reads the files with one of the extensions in a folder of the site.
// The error has the faults of those that it could not read.
func (s *sourcePhase) textsIn(ctx context.Context, ask *query.Ask, kind string, extensions ...string) (textFiles, error) {
	found := textFiles{map[string]string{}, map[string]string{}}
	folder, err := s.listings.Get(ctx, ask, kind)
	if err != nil {
		return found, err
	}
	var all faults
	if folder.Faults != nil {
		err := all.collect(Errors(slices.Clone(folder.Faults)))
		if err != nil {
			return found, err
		}
	}
	for i, name := range folder.Names {
		if !slices.Contains(extensions, path.Ext(name)) {
			continue
		}
		text, err := s.texts.Get(ctx, ask, name)
		if err := all.collect(err); err != nil {
			return found, err
		}
		if err == nil {
			found.Texts[folder.Paths[i]], found.Names[folder.Paths[i]] = text, name
		}
	}
	return found, all.err()
}

// bytesOf writes a number of bytes, in MiB if it is large.
func bytesOf(n int64) string {
	if n < 10<<20 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// name is what messages call a file or folder, given its absolute path.
func (b *build) name(file string) string {
	relative, err := filepath.Rel(b.folder(), file)
	if err != nil {
		return file
	}
	return filepath.ToSlash(relative)
}

func (b *build) configName() string {
	if b.cfg.File == "" {
		return ""
	}
	return b.name(b.cfg.File)
}

// joined makes one Errors of several. An error of another type wins.
func joined(errs ...error) error {
	var all faults
	for _, err := range errs {
		if err := all.collect(err); err != nil {
			return err
		}
	}
	if all.list == nil {
		return nil
	}
	return all.list
}
