package template

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/diagnostic"
)

// Signature is a function that a site has besides those of this package, by
// Funcs.Call.
type Signature struct {
	Name string
	// Parameters are the names of its arguments, in order; Required is how many
	// of them, the first ones, must be given.
	Parameters []string
	Required   int
}

// Called is the answer of Funcs.Call.
type Called struct {
	Value any
	// HTML says that a string is HTML: it is printed as it is.
	HTML bool
	// Bytes are what the answer was read from. The page pays for them.
	Bytes int
}

// LoadWith is Load for a site that has functions of its own. One that has the
// name of one of this package's is an error, which is no Errors: who brings the
// function is to call it otherwise.
func LoadWith(files map[string]string, own []Signature) (*Set, error) {
	all := functions
	if len(own) > 0 {
		all = maps.Clone(functions)
	}
	for _, s := range own {
		if _, taken := all[s.Name]; taken {
			return nil, fmt.Errorf("the function %s is there already", s.Name)
		}
		all[s.Name] = function{signature{s.Parameters, s.Required}, "", siteFunction(s)}
	}
	return load(files, all)
}

// IsFunction says whether this package has a function of that name.
func IsFunction(name string) bool { _, is := functions[name]; return is }

func load(files map[string]string, functions map[string]function) (*Set, error) {
	names := slices.Sorted(maps.Keys(files))
	site := &site{units: map[string]*unit{}, includers: map[string][]*unit{}, functions: functions, words: maxWords}
	var faults diagnostic.Errors
	for _, name := range names {
		faults = append(faults, site.declare(name, files[name])...)
	}
	for _, name := range names {
		faults = append(faults, parse(site, site.units[name])...)
	}
	faults = append(faults, site.relations(names)...)
	if len(faults) > 0 {
		return nil, diagnostic.Sorted(faults)
	}
	return &Set{site.units, site.includers}, nil
}

// siteCallSteps is what a call of a site's own function costs.
const siteCallSteps = 2000

// siteFunction hands the arguments to Funcs.Call as JSON.
func siteFunction(s Signature) func(r *render, args []value) (value, error) {
	return func(r *render, args []value) (value, error) {
		if err := r.work(siteCallSteps); err != nil {
			return undefined, err
		}
		if r.funcs.Call == nil {
			return undefined, errNoFunction
		}
		w := jsonWriter{render: r}
		var given []string
		for i, arg := range args {
			if arg.absent() {
				continue
			}
			w.out.Reset()
			if err := w.value(arg, 0); err != nil {
				return undefined, err
			}
			given = append(given, strconv.Quote(s.Parameters[i])+":"+w.out.String())
		}
		slices.Sort(given)
		answer, err := r.funcs.Call(s.Name, "{"+strings.Join(given, ",")+"}")
		if err != nil {
			return undefined, err
		}
		result := wrap(answer.Value, nil)
		text, isText := result.is.(string)
		result.safe = answer.HTML && isText
		return result, r.spend(max(answer.Bytes, len(text)))
	}
}
