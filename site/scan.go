package site

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"ddc/site/asset"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/template"
)

// sources are the texts in which later phases look up lines.
type sources struct {
	// templates and sass by path below their folder.
	templates, sass map[string]string
	templateNames   map[string]string
}

// scan finds every source file and reads the texts among them.
func (b *build) scan(ctx context.Context) error {
	pages, err := b.files(b.cfg.Content, content.Visible)
	if err == nil && len(pages) == 0 {
		err = b.nothingToBuild()
	}
	faults := []error{err}
	add := func(err error) { faults = append(faults, err) }
	for _, f := range pages {
		if path.Ext(f.Path) != ".md" {
			b.beside = append(b.beside, f)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := b.source(f)
		add(err)
		if err == nil {
			b.pages = append(b.pages, &page{Node: content.NewNode(f.Path), file: f, source: text})
		}
	}
	add(b.scanTemplates(ctx))
	b.sources.sass, _, err = b.texts(ctx, "sass", ".scss", ".sass", ".css")
	add(err)
	add(b.scanData(ctx))
	add(b.scanStatic())
	return joined(faults)
}

// nothingToBuild says why there are no pages.
func (b *build) nothingToBuild() error {
	return Errors{{File: b.name(b.cfg.Content), Message: "there are no pages: the content folder is empty or missing",
		Hint: "write " + path.Join(b.name(b.cfg.Content), "_index.md") + ", or name another folder with -c"}}
}

func (b *build) scanTemplates(ctx context.Context) error {
	var err error
	b.sources.templates, b.sources.templateNames, err = b.texts(ctx, "templates", ".html")
	if err != nil {
		return err
	}
	b.templates, err = template.Load(b.sources.templates)
	return b.templateFault(err, nil)
}

func (b *build) scanStatic() error {
	stable := map[string]bool{}
	for _, name := range b.cfg.StableAssets {
		stable[path.Clean(strings.TrimPrefix(name, "/"))] = true
	}
	files, err := b.files(b.cfg.Folder("static"), func(name string) bool { return !asset.IsStray(name) })
	b.byPath = map[string]*static{}
	for _, f := range files {
		b.addStatic(&static{file: f, path: f.Path, kind: asset.KindOf(f.Path), stable: isStable(stable, f.Path)})
	}
	faults := []error{err}
	for _, name := range b.cfg.StableAssets {
		if name = path.Clean(strings.TrimPrefix(name, "/")); b.byPath[name] == nil && !anyBelow(files, name) {
			b.warn(Problem{File: b.configName(), Message: fmt.Sprintf("stable_assets names %q, which is not in the static folder", name),
				Hint: "paths are relative to the static folder"})
		}
	}
	if _, has := b.sources.sass["main.scss"]; has {
		if clash := b.byPath["main.css"]; clash != nil {
			faults = append(faults, Errors{{File: clash.file.Name, Message: "sass/main.scss is compiled to main.css as well", Hint: "rename one of the two"}})
		} else {
			b.addStatic(&static{path: "main.css", kind: asset.Style, compiled: true, stable: isStable(stable, "main.css")})
		}
	}
	return joined(faults)
}

func isStable(stable map[string]bool, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if stable[name] {
			return true
		}
	}
	return false
}

func anyBelow(files []content.File, folder string) bool {
	for _, f := range files {
		if strings.HasPrefix(f.Path, folder+"/") {
			return true
		}
	}
	return folder == "main.css"
}

// files lists the files in a folder, an absolute path. The folder's faults are
// errors.
func (b *build) files(folder string, keep func(string) bool) ([]content.File, error) {
	files, faults := b.project.Scan(b.name(folder), keep)
	var problems Errors
	for _, f := range faults {
		problems = append(problems, Problem{File: f.Name, Message: f.Message, Hint: f.Hint})
	}
	if problems != nil {
		return files, problems
	}
	return files, nil
}

// texts reads the files with one of the extensions in a folder beside the
// content. It gives their texts, and their names for messages, both by path
// below the folder. A file that can't be read is in neither.
func (b *build) texts(ctx context.Context, folder string, extensions ...string) (texts, names map[string]string, err error) {
	files, err := b.files(b.cfg.Folder(folder), content.Visible)
	faults := []error{err}
	texts, names = map[string]string{}, map[string]string{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		for _, extension := range extensions {
			if path.Ext(f.Path) == extension {
				text, err := b.source(f)
				if err != nil {
					faults = append(faults, err)
					continue
				}
				texts[f.Path], names[f.Path] = text, f.Name
			}
		}
	}
	return texts, names, joined(faults)
}

// source reads a text that stays in memory.
func (b *build) source(f content.File) (string, error) {
	if f.Size <= b.cfg.MaxText { // else that is what is wrong with it
		if err := b.hold(f.Name, f.Size); err != nil {
			return "", err
		}
	}
	return b.text(f)
}

// text reads a file that must be text.
func (b *build) text(f content.File) (string, error) {
	data, err := b.read(f, b.cfg.MaxText)
	var large *content.TooLarge
	if errors.As(err, &large) {
		return "", Errors{{File: f.Name, Message: fmt.Sprintf("is a text of %s; at most %s is read of one", bytesOf(large.Size), bytesOf(b.cfg.MaxText)),
			Hint: "split the file, or allow more with max_text_mib in " + config.Name}}
	}
	if err != nil {
		return "", err
	}
	text, line, col, ok := content.Text(data)
	if !ok {
		return "", Errors{{File: f.Name, Line: line, Col: col, Message: "is not UTF-8", Hint: "save the file as UTF-8"}}
	}
	return text, nil
}

// maxBytes bounds what is read of a picture or font: more than any message may hold.
const maxBytes = 256 << 20

// bytes reads a file that need not be text.
func (b *build) bytes(f content.File) ([]byte, error) {
	data, err := b.read(f, maxBytes)
	var large *content.TooLarge
	if errors.As(err, &large) {
		return nil, Errors{{File: f.Name, Message: fmt.Sprintf("has %s; a picture or font has at most %s", bytesOf(large.Size), bytesOf(maxBytes)),
			Hint: "scale it down, or give it an extension of a file that is only copied"}}
	}
	return data, err
}

// read reads a whole file. One of more bytes than most is a *content.TooLarge.
func (b *build) read(f content.File, most int64) ([]byte, error) {
	data, err := b.project.ReadFile(f, most)
	var large *content.TooLarge
	if err == nil || errors.As(err, &large) {
		return data, err
	}
	return nil, Errors{{File: f.Name, Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
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
func joined(errs []error) error {
	var all Errors
	for _, err := range errs {
		var some Errors
		switch {
		case err == nil:
		case errors.As(err, &some):
			all = append(all, some...)
		default:
			return err
		}
	}
	if all == nil {
		return nil
	}
	return all
}
