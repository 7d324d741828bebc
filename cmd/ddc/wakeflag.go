package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ddc/internal/suggest"
	"ddc/site"
	"ddc/site/config"
	"ddc/wake/strategy"
)

// wakeChoice says which strategy wakes which plugin.
type wakeChoice struct {
	all string
	of  map[string]string
}

// chooseWake takes the flag, else the environment, else the configuration, else
// the default. An error says in which of them the wrong word stands.
func chooseWake(flag, environment string, cfg *config.Config) (wakeChoice, error) {
	switch {
	case flag != "":
		c, err := parseWake(flag, namesOf(cfg))
		if err != nil {
			return c, usagef("--wake: %w", err)
		}
		return c, nil
	case environment != "":
		c, err := parseWake(environment, namesOf(cfg))
		if err != nil {
			return c, usagef("DDC_WAKE: %w", err)
		}
		return c, nil
	case cfg.Wake != "":
		c, err := parseWake(cfg.Wake, namesOf(cfg))
		if err != nil {
			return c, site.Errors{cfg.WakeFault("wake: " + err.Error())}
		}
		return c, nil
	}
	return wakeChoice{all: strategy.Default}, nil
}

// parseWake reads "futex", "fonts=pipe" or "futex,fonts=pipe", for plugins of
// some names; nil is for any.
func parseWake(text string, names []string) (wakeChoice, error) {
	c := wakeChoice{of: map[string]string{}}
	for _, word := range strings.Split(text, ",") {
		name, wanted, one := strings.Cut(strings.TrimSpace(word), "=")
		if !one {
			name, wanted = "", name
		}
		if !slices.Contains(strategy.Names(), wanted) {
			return c, fmt.Errorf("unknown strategy %q: choose one of %s%s", wanted, strings.Join(strategy.Names(), ", "), meant(wanted, strategy.Names()))
		}
		switch {
		case !one && c.all != "":
			return c, fmt.Errorf("%q and %q are both to be the strategy of all plugins: say NAME=STRATEGY for one plugin", c.all, wanted)
		case !one:
			c.all = wanted
		case names != nil && !slices.Contains(names, name):
			return c, fmt.Errorf("unknown plugin %q%s: the plugins are %s", name, meant(name, names), strings.Join(names, ", "))
		case c.of[name] != "":
			return c, fmt.Errorf("plugin %s is named twice", name)
		default:
			c.of[name] = wanted
		}
	}
	c.all = cmp.Or(c.all, strategy.Default)
	return c, nil
}

func meant(word string, names []string) string {
	if near := suggest.Nearest(word, names); near != "" {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}

// meantOf is meant, of a list that one can't know: where no name is near, it
// says all.
func meantOf(word string, names []string) string {
	near := meant(word, names)
	switch {
	case near != "":
		return near
	case len(names) == 0:
		return ", nor any other"
	}
	return ": it names " + strings.Join(names, ", ")
}

// complete tells the shell what the flags of build take.
func complete(c *cobra.Command) {
	for flag, values := range map[string][]string{
		"wake":      strategy.Names(),
		"transport": transports,
		"spin":      {"auto", "off", "20us"},
	} {
		err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		if err != nil {
			panic(err) // a flag's name is misspelt above: a mistake of this program
		}
	}
}
