package site

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"ddc/internal/query"
)

var (
	loads  = regexp.MustCompile(`@(?:use|forward|import)\s+([^;{}]+)`)
	quoted = regexp.MustCompile(`"([^"\n]+)"|'([^'\n]+)'`)
)

// sassEntries are the files of the sass folder that are style sheets of their
// own, beside main.scss: those whose names do not begin with _, and that no
// other loads.
func (s *staticPhase) sassEntries(ctx context.Context, ask *query.Ask, paths []string) ([]string, error) {
	var entries []string
	for _, p := range paths {
		if ext := path.Ext(p); (ext == ".scss" || ext == ".sass") && !strings.HasPrefix(path.Base(p), "_") && p != mainSass {
			entries = append(entries, p)
		}
	}
	if entries == nil {
		return nil, nil
	}
	files, err := s.textsIn(ctx, ask, "sass", sassExtensions...)
	if failure := failureOf(err); failure != nil { // the site's faults are told by who reads the folder
		return nil, failure
	}
	loaded := map[string]bool{}
	for name, text := range files.Texts {
		for _, rule := range loads.FindAllStringSubmatch(text, -1) {
			for _, found := range quoted.FindAllStringSubmatch(rule[1], -1) {
				for _, folder := range []string{path.Dir(name), "."} {
					target := path.Join(folder, found[1]+found[2])
					for _, suffix := range []string{"", ".scss", ".sass", "/index.scss", "/index.sass"} {
						loaded[target+suffix] = true
					}
				}
			}
		}
	}
	return slices.DeleteFunc(entries, func(p string) bool { return loaded[p] }), nil
}

// compiledTo is the path of the style sheet that is made of a Sass file.
func compiledTo(entry string) string { return strings.TrimSuffix(entry, path.Ext(entry)) + ".css" }
