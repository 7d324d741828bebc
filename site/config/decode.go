package config

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"ddc/internal/diagnostic"
	"ddc/internal/kdl"
)

// decode reads a document into c, which holds the defaults.
func (c *Config) decode(file, source string, o Overrides) error {
	nodes, err := kdl.Parse(file, source)
	if err != nil {
		return quoted(diagnostic.Of(err), file, source)
	}
	d := &decoder{file: file, cache: place{"the cache of code samples, " + c.CodeExecution.CacheDir + ",", spot{line: 1, col: 1}}}
	seen := d.document(c, nodes)
	if !seen["content"] && o.Content == "" {
		d.fail(spot{line: 1, col: 1}, `content is missing; add: content "content"`, "")
	}
	if !seen["output"] && o.Output == "" {
		d.fail(spot{line: 1, col: 1}, `output is missing; add: output "public"`, "")
	}
	c.settle(o)
	d.checkPaths(c)
	if len(d.errors) > 0 { // a setting that is missing may be the one that nobody knows
		return quoted(append(d.errors, d.warnings...), file, source)
	}
	diagnostic.Quote(d.warnings, file, source)
	c.Warnings = diagnostic.Sorted(d.warnings)
	return nil
}

// document reads the settings of a file, and says which there are.
func (d *decoder) document(c *Config, nodes []*kdl.Node) map[string]bool {
	all := make([]setting, len(nodes))
	seen := map[string]bool{}
	for i, n := range nodes {
		all[i] = setting{name: n.Name, values: n.Args, node: n, spot: spot{n.Line, n.Col, n.Length}}
		seen[n.Name] = true
	}
	d.once(all, "plugin")
	d.fields(all, "setting", documentFields(c))
	return seen
}

// field is a setting: what it means, as a line for the reference, and how it is
// read.
type field struct {
	doc  string
	read func(d *decoder, s setting)
	// inner are those of a block.
	inner map[string]field
}

// fields reads settings, each as known says. A setting that is not known is a
// warning.
func (d *decoder) fields(all []setting, what string, known map[string]field) {
	for _, s := range all {
		if f, is := known[s.name]; is {
			f.read(d, s)
		} else {
			d.unknown(s, what, slices.Sorted(maps.Keys(known))...)
		}
	}
}

// block is a setting that holds others, each at most once but for those in
// repeatable.
func block(doc string, inner map[string]field, repeatable ...string) field {
	return field{doc: doc, inner: inner, read: func(d *decoder, s setting) {
		all := d.inner(s)
		d.once(all, repeatable...)
		d.fields(all, "setting of "+s.name, inner)
	}}
}

func linkCheckField(l *LinkCheck) field {
	inner := map[string]field{
		"rate_limit_ms": {doc: "the least time between two requests to one domain, in milliseconds (1000)",
			read: func(d *decoder, s setting) { d.duration(s, time.Millisecond, &l.RateLimit) }},
		"skip_domain": {doc: "domains that are never asked; any other name with a text is the same",
			read: func(d *decoder, s setting) { l.SkipDomains = append(l.SkipDomains, d.texts(s)...) }},
	}
	return field{doc: "how external links are checked", inner: inner, read: func(d *decoder, s setting) {
		all := d.inner(s)
		for i, one := range all { // the original takes any name
			if _, known := inner[one.name]; !known && textual(one) {
				all[i].name = "skip_domain"
			}
		}
		d.once(all, "skip_domain")
		d.fields(all, "setting of link_check", inner)
	}}
}

// textual says whether a setting has texts, and nothing else.
func textual(s setting) bool {
	if s.node != nil && len(s.node.Props)+len(s.node.Children) > 0 {
		return false
	}
	return len(s.values) > 0 && !slices.ContainsFunc(s.values, func(v kdl.Value) bool { _, is := v.Any.(string); return !is })
}

func stableAssetsField(assets *[]string) field {
	inner := map[string]field{"path": {doc: "a file or folder below the static folder; any other name is the same"}}
	return field{doc: "static files that keep their names", inner: inner, read: func(d *decoder, block setting) {
		seen := map[string]bool{}
		for _, s := range d.inner(block) { // whatever their names: the original takes any
			for _, asset := range d.texts(s) {
				clean := path.Clean(strings.TrimPrefix(asset, "/"))
				if clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
					d.fail(s.spot, s.name+" must name a file below the static folder, not "+quote(asset), "")
					continue
				}
				if !seen[clean] {
					seen[clean] = true
					*assets = append(*assets, clean)
				}
			}
		}
	}}
}

func codeExecutionField(c *CodeExecution) field {
	inner := map[string]field{
		"enabled":       {doc: "whether code samples are run (#true)", read: func(d *decoder, s setting) { d.boolean(s, &c.Enabled) }},
		"fail_on_error": {doc: "whether a sample that fails is an error (#true), or a warning", read: func(d *decoder, s setting) { d.boolean(s, &c.FailOnError) }},
		"timeout_secs": {doc: "how long one sample may take, in seconds (30)", read: func(d *decoder, s setting) {
			if d.duration(s, time.Second, &c.Timeout); c.Timeout == 0 {
				d.fail(s.spot, "timeout_secs must be at least 1", "")
			}
		}},
		"cache_dir": {doc: `the folder that keeps compiled samples (".cache/code-execution")`, read: func(d *decoder, s setting) {
			d.folder(s, &c.CacheDir)
			d.cache = place{s.name, s.spot}
		}},
		"dependencies": {doc: `packages that samples may use, each a block: serde "1.0"`, read: func(d *decoder, s setting) {
			for _, dependency := range d.inner(s) {
				d.dependency(dependency, dependency.name, dependency.values, c)
			}
		}},
		"dependency": {doc: `one of them, as in: dependency "serde" version="1.0"`, read: func(d *decoder, s setting) {
			if len(s.values) == 0 {
				d.fail(s.spot, `dependency needs a name, as in: dependency "serde" version="1.0"`, "")
				return
			}
			var name string
			d.value(s.values[0], "the name of a dependency", &name)
			d.dependency(s, name, s.values[1:], c)
		}},
		"rust": {doc: "how samples of a language are run, by the language's name: command, args, extension, prepare_code, auto_imports, show_output",
			read: func(d *decoder, s setting) { d.language(s, c) }},
	}
	return field{doc: "how code samples are run", inner: inner, read: func(d *decoder, block setting) {
		all := d.inner(block)
		d.once(all, "dependency")
		for _, s := range all {
			f, known := inner[s.name]
			switch {
			case known:
				f.read(d, s)
			case s.node == nil || len(s.values) > 0 || len(s.node.Props)+len(s.node.Children) == 0:
				d.unknown(s, "setting of code_execution", slices.Sorted(maps.Keys(inner))...)
			default:
				d.language(s, c)
			}
		}
	}}
}

// language reads a block named like a language. What it leaves out keeps its
// default; only rust has one.
func (d *decoder) language(block setting, c *CodeExecution) {
	name := languageOf(block.name)
	l, known := c.Languages[name]
	if !known {
		l = Language{Extension: name, ShowOutput: true}
	}
	inner := d.inner(block)
	d.once(inner)
	for _, s := range inner {
		switch s.name {
		case "command":
			d.text(s, &l.Command)
			d.checked(place{s.name, s.spot}, func() error { return nameable(l.Command) })
		case "args":
			l.Args = d.texts(s)
		case "extension":
			d.text(s, &l.Extension)
			l.Extension = strings.TrimPrefix(l.Extension, ".")
			if strings.ContainsAny(l.Extension, "/\x00") || len(l.Extension) > longestExtension {
				d.fail(s.spot, "extension must be the end of a file's name", `as in: extension "py"`)
			}
		case "prepare_code":
			d.boolean(s, &l.PrepareCode)
		case "auto_imports":
			l.AutoImports = d.texts(s)
		case "show_output":
			d.boolean(s, &l.ShowOutput)
		default:
			d.unknown(s, "setting of the language "+block.name,
				"command", "args", "extension", "prepare_code", "auto_imports", "show_output")
		}
	}
	if l.Command == "" {
		d.fail(block.spot, "the language "+block.name+` needs a command, as in: command "python3"`, "")
	}
	c.Languages[name] = l
}

func (d *decoder) dependency(s setting, name string, versions []kdl.Value, c *CodeExecution) {
	dep, at := Dependency{Name: name}, place{"the path of " + name, s.spot}
	if len(versions) > 1 {
		d.fail(spotOf(versions[1]), "a dependency has one version", "")
	}
	if len(versions) > 0 {
		d.value(versions[0], "the version of "+name, &dep.Version)
	}
	var inner []setting
	if s.node != nil {
		inner = settings(s.node)
	}
	d.once(inner)
	for _, s := range inner {
		switch s.name {
		case "version":
			d.text(s, &dep.Version)
		case "git":
			d.text(s, &dep.Git)
		case "rev":
			d.text(s, &dep.Revision)
		case "branch":
			d.text(s, &dep.Branch)
		case "path":
			d.text(s, &dep.Path)
			at.spot = s.spot
		case "features":
			for _, text := range d.texts(s) {
				dep.Features = append(dep.Features, splitList(text)...)
			}
		default:
			d.unknown(s, "setting of a dependency", "version", "git", "rev", "branch", "path", "features")
		}
	}
	switch {
	case dep.Version == "" && dep.Git == "" && dep.Path == "":
		d.fail(s.spot, "the dependency "+name+" needs a version, git or path", "")
	case dep.Git != "" && dep.Path != "":
		d.fail(s.spot, "the dependency "+name+" has both git and path; choose one", "")
	case dep.Git == "" && dep.Revision+dep.Branch != "":
		d.fail(s.spot, "the dependency "+name+" has rev or branch, which need git", "")
	}
	if slices.ContainsFunc(c.Dependencies, func(other Dependency) bool { return other.Name == name }) {
		d.fail(s.spot, "the dependency "+name+" is given twice", "")
	}
	c.Dependencies, d.dependencies = append(c.Dependencies, dep), append(d.dependencies, at)
}

// splitList reads "a, b" as a and b, since a property has only one value.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
}
