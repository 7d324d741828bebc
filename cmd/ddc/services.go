package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ddc/plugin"
	"ddc/plugin/agreement"
	"ddc/plugin/spec"
	"ddc/plugins"
)

func pluginNames() []string {
	var names []string
	for _, s := range plugins.All() {
		names = append(names, s.Name)
	}
	return names
}

// specOf gives the Spec of a plugin, by name.
func specOf(name string) (spec.Spec, error) {
	for _, s := range plugins.All() {
		if s.Name == name {
			return s, nil
		}
	}
	return spec.Spec{}, fmt.Errorf("unknown plugin %q%s: the plugins are %s", name, meant(name, pluginNames()), strings.Join(pluginNames(), ", "))
}

// first is the plugin that each page of a site needs first.
const first = "markdown"

// thenOf names the plugins whose calls follow those of a plugin.
func thenOf(name string) []string {
	s, _ := specOf(name) // a plugin of the site's own has none
	return s.Then
}

// openService makes the service of a plugin, by name.
func openService(name string) (plugin.Service, error) {
	s, err := specOf(name)
	if err != nil {
		return nil, err
	}
	return s.Open(), nil
}

// self gives the command of a plugin, which is this very program.
func self() (func(name string) (string, []string), error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	return func(name string) (string, []string) { return path, []string{"plugin", name} }, nil
}

func newPlugin() *cobra.Command {
	c := &cobra.Command{
		Use:   "plugin NAME",
		Short: "Be one of the plugins (the host of a build starts these)",
		Long: "Be a plugin. A build starts one process of these for each plugin it needs; by\n" +
			"hand it says only that it has no host. The plugins: " + strings.Join(pluginNames(), ", ") + ".",
		Args:      usage(cobra.ExactArgs(1)),
		ValidArgs: pluginNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			service, err := openService(args[0])
			if err != nil {
				return usageError{err}
			}
			if os.Getenv(agreement.Version) == "" {
				return usageError{plugin.ErrNoHost}
			}
			plugin.Main(service)
			return nil
		},
	}
	c.AddCommand(newPluginNew(), newPluginTest(), newPluginTrust(), newPluginCheck())
	addCheckFaults(c)
	return c
}
