package config

import (
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
	return quoted(d.errors, file, source)
}

func (d *decoder) document(c *Config, nodes []*kdl.Node) map[string]bool {
	all := make([]setting, len(nodes))
	for i, n := range nodes {
		all[i] = setting{name: n.Name, values: n.Args, node: n, spot: spot{n.Line, n.Col, n.Length}}
	}
	d.once(all)
	seen := map[string]bool{}
	for _, s := range all {
		seen[s.name] = true
		switch s.name {
		case "content":
			d.folder(s, &c.Content)
		case "output":
			d.folder(s, &c.Output)
		case "wake":
			d.text(s, &c.Wake)
		case "max_text_mib":
			d.size(s, &c.MaxText)
		case "link_check":
			d.linkCheck(s, &c.LinkCheck)
		case "stable_assets":
			d.stableAssets(s, &c.StableAssets)
		case "code_execution":
			d.codeExecution(s, &c.CodeExecution)
		default:
			d.unknown(s, "setting", "content", "output", "link_check", "stable_assets", "code_execution", "wake", "max_text_mib")
		}
	}
	return seen
}

func (d *decoder) linkCheck(block setting, l *LinkCheck) {
	inner := d.inner(block)
	d.once(inner, "skip_domain")
	for _, s := range inner {
		switch s.name {
		case "rate_limit_ms":
			d.duration(s, time.Millisecond, &l.RateLimit)
		case "skip_domain":
			l.SkipDomains = append(l.SkipDomains, d.texts(s)...)
		default:
			d.unknown(s, "setting of link_check", "rate_limit_ms", "skip_domain")
		}
	}
}

func (d *decoder) stableAssets(block setting, assets *[]string) {
	seen := map[string]bool{}
	for _, s := range d.inner(block) {
		if s.name != "path" {
			d.unknown(s, "setting of stable_assets", "path")
			continue
		}
		for _, asset := range d.texts(s) {
			clean := path.Clean(strings.TrimPrefix(asset, "/"))
			if clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
				d.fail(s.spot, "path must name a file below the static folder, not "+quote(asset), "")
				continue
			}
			if !seen[clean] {
				seen[clean] = true
				*assets = append(*assets, clean)
			}
		}
	}
}

func (d *decoder) codeExecution(block setting, c *CodeExecution) {
	inner := d.inner(block)
	d.once(inner, "dependency")
	for _, s := range inner {
		switch s.name {
		case "enabled":
			d.boolean(s, &c.Enabled)
		case "fail_on_error":
			d.boolean(s, &c.FailOnError)
		case "timeout_secs":
			if d.duration(s, time.Second, &c.Timeout); c.Timeout == 0 {
				d.fail(s.spot, "timeout_secs must be at least 1", "")
			}
		case "cache_dir":
			d.folder(s, &c.CacheDir)
			d.cache = place{s.name, s.spot}
		case "dependencies":
			for _, dependency := range d.inner(s) {
				d.dependency(dependency, dependency.name, dependency.values, c)
			}
		case "dependency":
			if len(s.values) == 0 {
				d.fail(s.spot, `dependency needs a name, as in: dependency "serde" version="1.0"`, "")
				continue
			}
			var name string
			d.value(s.values[0], "the name of a dependency", &name)
			d.dependency(s, name, s.values[1:], c)
		default:
			d.language(s, c)
		}
	}
}

// language reads a block named like a language. What it leaves out keeps its
// default; only rust has one.
func (d *decoder) language(block setting, c *CodeExecution) {
	if block.node == nil || len(block.values) > 0 || len(block.node.Props)+len(block.node.Children) == 0 {
		d.unknown(block, "setting of code_execution",
			"enabled", "fail_on_error", "timeout_secs", "cache_dir", "dependencies", "dependency", "rust")
		return
	}
	name := strings.ToLower(block.name)
	if name == "rs" {
		name = "rust"
	}
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
