package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ddc/plugin/spec"
)

// rights are what the user lets a site's own plugin do besides computing.
type rights struct {
	network, programs bool
	read, write, env  []string
}

func (r rights) any() bool {
	return r.network || r.programs || len(r.read)+len(r.write)+len(r.env) > 0
}

const rightsHelp = "net, run, read:PATH, write:PATH or env:NAME"

// parseAllow reads "shout", "shout,whisper" and "shout=net,read:PATH", each
// from a flag of its own. Paths are made absolute, and must be there: a path
// that is not can't be allowed.
func parseAllow(flags []string) (map[string]rights, error) {
	all := map[string]rights{}
	for _, text := range flags {
		names, list, more := strings.Cut(text, "=")
		if more && strings.Contains(names, ",") {
			return nil, fmt.Errorf("%q gives rights to several plugins: write --allow NAME=RIGHT,... for each", text)
		}
		for name := range strings.SplitSeq(names, ",") {
			if name == "" {
				return nil, fmt.Errorf("%q names no plugin: write NAME,..., or NAME=RIGHT,..., where a right is %s", text, rightsHelp)
			}
			r := all[name]
			for word := range strings.SplitSeq(list, ",") {
				if err := r.add(word); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			all[name] = r
		}
	}
	return all, nil
}

func (r *rights) add(word string) error {
	kind, what, _ := strings.Cut(word, ":")
	switch {
	case word == "":
		return nil
	case word == "net":
		r.network = true
		return nil
	case word == "run":
		r.programs = true
		return nil
	case kind == "env" && what != "":
		r.env = append(r.env, what)
		return nil
	case kind != "read" && kind != "write" || what == "":
		return fmt.Errorf("%q is no right: there are %s", word, rightsHelp)
	}
	path, err := filepath.Abs(what)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s: %w (only what is there can be allowed: make it first, or allow the folder that it will be in)", word, err)
	}
	if kind == "read" {
		r.read = append(r.read, path)
	} else {
		r.write = append(r.write, path)
	}
	return nil
}

// confinement is what the plugin's sandbox leaves it.
func (r rights) confinement() spec.Confinement {
	c := spec.Confinement{}
	if r.programs {
		c = spec.Programs()
		c.Environment = []string{"PATH", "HOME"}
	}
	if r.network {
		c = c.Online()
		c.Environment = append(c.Environment, spec.Proxies()...)
	}
	c.Policy.Read = slices.Concat(c.Policy.Read, r.read)
	c.Policy.Write = slices.Concat(c.Policy.Write, r.write)
	c.Environment = append(c.Environment, r.env...)
	return c
}

// words are the rights as they are written.
func (r rights) words() []string {
	words := []string{}
	if r.network {
		words = append(words, "net")
	}
	if r.programs {
		words = append(words, "run")
	}
	for _, list := range []struct {
		kind string
		of   []string
	}{{"read", r.read}, {"write", r.write}, {"env", r.env}} {
		for _, what := range list.of {
			words = append(words, list.kind+":"+what)
		}
	}
	return words
}
