package site

import (
	"cmp"
	"maps"
	"slices"

	"ddc/site/asset"
)

// write writes what is not written yet, and commits the output.
func (b *build) write() error {
	var texts []string
	for _, p := range b.pages {
		if err := b.writeFile(p.Output(), p.file.Name, []byte(p.html)); err != nil {
			return err
		}
		texts = append(texts, p.html)
	}
	for _, s := range b.statics {
		if s.kind == asset.Style || s.kind == asset.Script {
			texts = append(texts, s.text)
		}
		if err := b.writeStatic(s); err != nil {
			return err
		}
	}
	if err := b.writeReferenced(texts); err != nil {
		return err
	}
	return b.stage.Commit()
}

// writeStatic writes a static file in its final form. A picture that has
// variants is left to writeReferenced.
func (b *build) writeStatic(s *static) error {
	switch {
	case s.kind == asset.Picture && s.picture != nil && !s.stable:
		return nil
	case s.kind == asset.Picture:
		if err := b.claim(s.output, s.name()); err != nil {
			return err
		}
		return b.copyFile(s)
	case s.kind == asset.Style || s.kind == asset.Script:
		return b.stage.Write(s.output, []byte(s.text))
	case s.data != nil:
		return b.stage.Write(s.output, s.data)
	default:
		return b.copyFile(s)
	}
}

// copyFile copies a static file to its claimed place.
func (b *build) copyFile(s *static) error {
	f, err := b.project.OpenFile(s.file)
	if err != nil {
		return Errors{{File: s.name(), Message: "can't be read: " + err.Error(), Hint: "check its permissions"}}
	}
	defer f.Close()
	return b.stage.Copy(s.output, f)
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
