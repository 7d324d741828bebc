package code_execution

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	pb "ddc/plugins/code_execution/code_executionpb"
)

// hasMain finds a main function outside of comments.
var hasMain = regexp.MustCompile(`(?m)^[ \t]*(pub\s+)?(async\s+)?fn\s+main\s*\(`)

func isRust(language string) bool { return language == "rust" || language == "rs" }

// rustProgram makes a program of a sample. All additions stand on the program's
// first line, and the sample begins on the line after its opening fence. So
// each line has the number that it has in the Markdown file, and the compiler's
// messages need no translation.
//
// The imports come as a glob from a module of their own. A name from a glob
// gives way to one that the sample imports itself. If both were named, that
// would be an error ("defined multiple times").
func rustProgram(sample *pb.Sample, language *pb.Language) (string, error) {
	code := sample.GetCode()
	if !language.GetPrepareCode() {
		return below(sample.GetLine(), "", code), nil
	}
	attributes, code := hoist(code)
	var first strings.Builder
	first.WriteString("#![allow(unused)] " + attributes)
	var imports []string
	for _, statement := range language.GetAutoImports() {
		statement = strings.TrimSpace(statement)
		switch {
		case statement == "":
		case strings.ContainsAny(statement, "\n\r") || strings.Contains(statement, "//"):
			return "", fmt.Errorf("auto_imports %q: write one statement in each, without comments", statement)
		case strings.HasPrefix(statement, "use "):
			imports = append(imports, "pub "+statement)
		default:
			first.WriteString(statement + " ")
		}
	}
	if len(imports) > 0 {
		first.WriteString("mod ddc_auto_imports { #![allow(unused)] " + strings.Join(imports, " ") + " } use ddc_auto_imports::*; ")
	}
	if hasMain.MatchString(code) {
		return below(sample.GetLine(), first.String(), code), nil
	}
	return below(sample.GetLine(), first.String()+"fn main() {", strings.TrimRight(code, "\n")+"\n}\n"), nil
}

// below puts code on the lines after number line, and first on line 1.
func below(line int32, first, code string) string {
	return first + strings.Repeat("\n", max(1, int(line))) + code
}

// hoist takes what must come first in a file, #![attributes] and //! comments,
// from the head of the code. Their lines stay, but empty.
func hoist(code string) (attributes, rest string) {
	lines := strings.SplitAfter(code, "\n")
	for i, line := range lines {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "#![") && strings.HasSuffix(trimmed, "]"):
			attributes += trimmed + " "
			lines[i] = "\n"
		case strings.HasPrefix(trimmed, "//!"):
			lines[i] = "\n"
		case trimmed != "" && !strings.HasPrefix(trimmed, "//"):
			return attributes, strings.Join(lines, "")
		}
	}
	return attributes, strings.Join(lines, "")
}

// manifest is a Cargo.toml.
type manifest struct {
	Package struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
		Edition string `toml:"edition"`
	} `toml:"package"`
	Bin          []binary              `toml:"bin"`
	Dependencies map[string]dependency `toml:"dependencies"`
	Workspace    struct{}              `toml:"workspace"` // of its own: the site may lie in another
}

type binary struct {
	Name string `toml:"name"`
	Path string `toml:"path"`
}

type dependency struct {
	Version  string   `toml:"version,omitempty"`
	Git      string   `toml:"git,omitempty"`
	Revision string   `toml:"rev,omitempty"`
	Branch   string   `toml:"branch,omitempty"`
	Path     string   `toml:"path,omitempty"`
	Features []string `toml:"features,omitempty"`
}

// cargoToml is the manifest of a sample's project. Projects share a target
// folder, so the binary's name must be unique to the sample.
func cargoToml(binaryName string, dependencies []*pb.Dependency) ([]byte, error) {
	var m manifest
	m.Package.Name, m.Package.Version, m.Package.Edition = "ddc-code-sample", "0.0.0", "2021"
	m.Bin = []binary{{Name: binaryName, Path: rustFile}}
	m.Dependencies = map[string]dependency{}
	for _, d := range dependencies {
		path := d.GetPath()
		if path != "" {
			var err error
			if path, err = filepath.Abs(path); err != nil {
				return nil, fmt.Errorf("find dependency %s: %w", d.GetName(), err)
			}
		}
		m.Dependencies[d.GetName()] = dependency{Version: d.GetVersion(), Git: d.GetGit(), Revision: d.GetRevision(),
			Branch: d.GetBranch(), Path: path, Features: d.GetFeatures()}
	}
	return toml.Marshal(m)
}

// namedDependencies are the dependencies that the code names. The others would
// cost a download and a compilation for nothing. A sample without any builds
// offline.
func namedDependencies(code string, all []*pb.Dependency) []*pb.Dependency {
	var named []*pb.Dependency
	for _, d := range all {
		crate := strings.ReplaceAll(d.GetName(), "-", "_")
		if regexp.MustCompile(`\b` + regexp.QuoteMeta(crate) + `\b`).MatchString(code) {
			named = append(named, d)
		}
	}
	return named
}
