package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ddc/plugin"
	"ddc/plugins/code_execution"
	"ddc/plugins/css"
	"ddc/plugins/fonts"
	"ddc/plugins/html"
	"ddc/plugins/html_diff"
	"ddc/plugins/image"
	"ddc/plugins/js"
	"ddc/plugins/jxl"
	"ddc/plugins/linkcheck"
	"ddc/plugins/markdown"
	"ddc/plugins/minify"
	"ddc/plugins/pagefind"
	"ddc/plugins/sass"
	"ddc/plugins/svgo"
	"ddc/plugins/syntax_highlight"
	"ddc/plugins/webp"
)

// services are the sixteen plugins, by name.
var services = [...]struct {
	name string
	open func() plugin.Service
}{
	{"code_execution", func() plugin.Service { return code_execution.New() }},
	{"css", func() plugin.Service { return css.New() }},
	{"fonts", func() plugin.Service { return fonts.New() }},
	{"html", func() plugin.Service { return html.New() }},
	{"html_diff", func() plugin.Service { return html_diff.New() }},
	{"image", func() plugin.Service { return image.New() }},
	{"js", func() plugin.Service { return js.New() }},
	{"jxl", func() plugin.Service { return jxl.New() }},
	{"linkcheck", func() plugin.Service { return linkcheck.New() }},
	{"markdown", func() plugin.Service { return markdown.New() }},
	{"minify", func() plugin.Service { return minify.New() }},
	{"pagefind", func() plugin.Service { return pagefind.New() }},
	{"sass", func() plugin.Service { return sass.New() }},
	{"svgo", func() plugin.Service { return svgo.New() }},
	{"syntax_highlight", func() plugin.Service { return syntax_highlight.New() }},
	{"webp", func() plugin.Service { return webp.New() }},
}

func pluginNames() []string {
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = s.name
	}
	return names
}

// openService makes the service of a plugin's name.
func openService(name string) (plugin.Service, error) {
	for _, s := range services {
		if s.name == name {
			return s.open(), nil
		}
	}
	return nil, fmt.Errorf("unknown plugin %q%s: the plugins are %s", name, meant(name, pluginNames()), strings.Join(pluginNames(), ", "))
}

// self gives the command that is a plugin: this very program.
func self() (func(name string) (string, []string), error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	return func(name string) (string, []string) { return path, []string{"plugin", name} }, nil
}

func newPlugin() *cobra.Command {
	return &cobra.Command{
		Use:   "plugin NAME",
		Short: "Be one of the sixteen plugins (the host of a build starts these)",
		Long: "Be a plugin. A build starts one process of these for each plugin it needs; by\n" +
			"hand it says only that it has no host. The plugins: " + strings.Join(pluginNames(), ", ") + ".",
		Args:      usage(cobra.ExactArgs(1)),
		ValidArgs: pluginNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			service, err := openService(args[0])
			if err != nil {
				return usageError{err}
			}
			if os.Getenv("DDC_PLUGIN") == "" {
				return usageError{plugin.ErrNoHost}
			}
			plugin.Main(service)
			return nil
		},
	}
}
