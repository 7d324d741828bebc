package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// result is how the trial of one mutant ended.
type result struct {
	Key      string `json:"key"`
	Layer    string `json:"layer"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
	Operator string `json:"operator"`
	Outcome  string `json:"outcome"`
	Checker  string `json:"checker,omitempty"` // that caught it
	Test     string `json:"test,omitempty"`
	// Asked are the checkers that let it through. A survivor is due again when
	// there is another.
	Asked []string `json:"asked,omitempty"`
	// Diff is kept of those that were not caught.
	Diff  string `json:"diff,omitempty"`
	Again int    `json:"again,omitempty"`
}

func resultOf(m *mutant) result {
	return result{Key: m.key(), Layer: m.layer, File: m.file, Line: m.line, Function: m.function, Operator: m.operator, Again: m.again}
}

// where is the function and, if its diff has several places, which.
func (r result) where() string {
	if r.Again > 0 {
		return fmt.Sprintf("%s.%s #%d", r.Layer, r.Function, r.Again+1)
	}
	return r.Layer + "." + r.Function
}

// census is how many mutants a layer has.
type census struct {
	Layer string `json:"layer"`
	// Made counts what operators proposed, Mutants what of it compiles.
	Made    int `json:"made"`
	Mutants int `json:"mutants"`
}

// record is all that is known, and goes to a file after each trial, so that a
// run may be broken off at any time.
type record struct {
	mu      sync.Mutex
	path    string
	census  []census
	order   []string // keys, as the mutants were listed
	results map[string]result
}

// stored is a record's file.
type stored struct {
	Layers  []census `json:"layers"`
	Results []result `json:"results"`
}

// open reads the record at path; none is an empty one.
func open(path string) (*record, error) {
	r := &record{path: path, results: map[string]result{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	var s stored
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	r.census = s.Layers
	for _, one := range s.Results {
		r.results[one.Key] = one
		r.order = append(r.order, one.Key)
	}
	return r, nil
}

// list says which mutants a layer has today. Results of others are dropped: the
// code that they were made of is no more.
func (r *record) list(layer string, made int, mutants []*mutant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := census{Layer: layer, Made: made, Mutants: len(mutants)}
	today := make([]string, len(mutants))
	is := map[string]*mutant{}
	for i, m := range mutants {
		today[i] = m.key()
		is[today[i]] = m
	}
	var order []string
	for _, key := range r.order {
		one := r.results[key]
		if one.Layer != layer {
			order = append(order, key)
		} else if m := is[key]; m == nil {
			delete(r.results, key)
		} else {
			one.File, one.Line = m.file, m.line
			r.results[key] = one
		}
	}
	r.order = append(order, today...)
	for i := range r.census {
		if r.census[i].Layer == layer {
			r.census[i] = now
			return
		}
	}
	r.census = append(r.census, now)
	slices.SortStableFunc(r.census, func(a, b census) int {
		return slices.Index(layers, a.Layer) - slices.Index(layers, b.Layer)
	})
}

// missing are the checkers of those given that have still to be asked about a
// mutant.
func (r *record) missing(key string, all []checker) []checker {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.results[key]
	if !ok {
		return all
	}
	switch one.Outcome {
	case survived:
		return one.unasked(all)
	case undecided:
		return all
	}
	return nil
}

func (r result) unasked(all []checker) []checker {
	return slices.DeleteFunc(slices.Clone(all), func(c checker) bool { return slices.Contains(r.Asked, c.name) })
}

// get returns what is known of a mutant.
func (r *record) get(m *mutant) result {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one, ok := r.results[m.key()]; ok {
		return one
	}
	return resultOf(m)
}

// forget drops the results that match, to be tried again. It forgets
// only what the given checkers have said of a survivor.
func (r *record) forget(asked []checker, match func(result) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, one := range r.results {
		switch {
		case !match(one):
		case one.Outcome == survived:
			one.Asked = slices.DeleteFunc(one.Asked, func(name string) bool {
				return slices.ContainsFunc(asked, func(c checker) bool { return c.name == name })
			})
			r.results[key] = one
		default:
			delete(r.results, key)
		}
	}
}

// add keeps a result, and writes all of them.
func (r *record) add(one result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[one.Key] = one
	return r.write()
}

// all returns the results in the order of layers, files and lines.
func (r *record) all() []result {
	var all []result
	for _, layer := range layersOf(r.census) {
		for _, key := range r.order {
			if one, ok := r.results[key]; ok && one.Layer == layer {
				all = append(all, one)
			}
		}
	}
	return all
}

func layersOf(all []census) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.Layer)
	}
	return names
}

// write puts one result on each line, so that a difference can be read.
func (r *record) write() error {
	var b strings.Builder
	line := func(v any, last bool) error {
		text, err := json.Marshal(v)
		b.WriteString("  ")
		b.Write(text)
		if !last {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		return err
	}
	b.WriteString("{\"layers\": [\n")
	var problems []error
	for i, c := range r.census {
		problems = append(problems, line(c, i == len(r.census)-1))
	}
	b.WriteString("],\n\"results\": [\n")
	all := r.all()
	for i, one := range all {
		problems = append(problems, line(one, i == len(all)-1))
	}
	b.WriteString("]}\n")
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	next := r.path + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(b.String()), 0o644), os.Rename(next, r.path)); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
