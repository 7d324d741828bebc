package site

import (
	"cmp"
	"maps"
	"slices"
)

// write writes what is not written yet, and commits the output.
func (b *build) write() error {
	for _, p := range b.pages {
		if err := b.writeFile(p.Output(), p.file.Name, []byte(p.html)); err != nil {
			return err
		}
	}
	for _, s := range b.statics {
		if err := b.writeStatic(s); err != nil {
			return err
		}
	}
	return b.stage.Commit()
}

// writeStatic writes a static file in its final form. At its old address a font
// is whole, since whoever names it there may show anything in it.
func (b *build) writeStatic(s *static) error {
	write := func(name string, data []byte) error {
		switch {
		case s.rewritten():
			return b.stage.Write(name, []byte(s.text))
		case data != nil:
			return b.stage.Write(name, data)
		}
		return b.copyFile(s, name)
	}
	if !s.left {
		if err := write(s.output, s.data); err != nil {
			return err
		}
	}
	if s.also {
		return write(s.path, nil)
	}
	return nil
}

// copyFile copies a static file to a claimed place.
func (b *build) copyFile(s *static, name string) error {
	f, err := b.project.OpenFile(s.file)
	if err != nil {
		return Errors{{File: s.name(), Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
	}
	defer f.Close()
	return b.stage.Copy(name, f)
}

// writeFile claims a path and writes to it.
func (b *build) writeFile(name, source string, data []byte) error {
	if err := b.claim(name, source); err != nil {
		return err
	}
	return b.stage.Write(name, data)
}

// writeHashed writes a file whose name has its content's hash: a second file of
// the same name is the same file.
func (b *build) writeHashed(name, source string, data []byte) error {
	b.mu.Lock()
	again := b.hashed[name]
	b.hashed[name] = true
	b.mu.Unlock()
	if again {
		return nil
	}
	return b.writeFile(name, source, data)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
