package sass

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/internal/proc"
	"ddc/internal/tool"
	"ddc/plugins/sass/sasspb"
)

// begin makes a service that is closed, and its compiler with it, when the test
// ends.
func begin(t testing.TB) *Service {
	t.Helper()
	if _, err := tool.Find("sass"); err != nil {
		t.Skip(err)
	}
	s := New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func compile(t testing.TB, s *Service, files map[string]string) string {
	t.Helper()
	response, err := s.Compile(context.Background(), &sasspb.CompileRequest{Files: files})
	require.NoError(t, err)
	return response.Css
}

// childProcesses lists the processes that any thread of ours started and nobody
// has reaped.
func childProcesses() string {
	var pids []string
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		if data, err := os.ReadFile(list); err == nil { // a thread may have ended since
			pids = append(pids, strings.Fields(string(data))...)
		}
	}
	return strings.Join(pids, ",")
}

func TestModernSassCompiles(t *testing.T) {
	css := compile(t, begin(t), map[string]string{entry: `
@use "sass:math";
@use "sass:map";
$sizes: (small: 10px, large: 30px);
@mixin wide { @media (min-width: 40em) { @content; } }
@each $name, $size in $sizes {
  .#{$name} { width: math.div($size, 2); @include wide { color: rgba(red, 0.5); } }
}
b { width: map.get($sizes, "large"); }`})
	for _, want := range []string{".small {\n  width: 5px;\n}", "@media (min-width: 40em)", "b {\n  width: 30px;\n}"} {
		assert.Contains(t, css, want)
	}
}

func TestEveryWayOfNamingAFileFindsIt(t *testing.T) {
	s := begin(t)
	for reference, file := range map[string]string{
		"colors":            "_colors.scss",
		"colors.scss":       "colors.scss",
		"parts/nav":         "parts/_nav.scss",
		"./parts/nav":       "parts/nav.scss",
		"parts":             "parts/_index.scss",
		"parts/index":       "parts/index.scss",
		"old":               "_old.sass",
		"plain":             "plain.css",
		"parts/../colors":   "_colors.scss",
		"with space/ünï":    "with space/_ünï.scss",
		"deep/er/still/nav": "deep/er/still/_nav.scss",
	} {
		source := "a { color: red; }\n"
		if strings.HasSuffix(file, ".sass") {
			source = "a\n  color: red\n"
		}
		for _, rule := range []string{"@use", "@import", "@forward"} {
			css := compile(t, s, map[string]string{entry: rule + ` "` + reference + `";`, file: source})
			assert.Contains(t, css, "a {\n  color: red;\n}", "%s %q with %s", rule, reference, file)
		}
	}
}

func TestFilesAreFoundBesideTheImportingOneThenFromTheRoot(t *testing.T) {
	css := compile(t, begin(t), map[string]string{
		entry:                `@use "parts/nav";`,
		"parts/_nav.scss":    `@use "colors"; @use "sizes"; @use "../sizes" as up; a { color: colors.$it; width: sizes.$it; height: up.$it; }`,
		"parts/_colors.scss": `$it: red;`,
		"_colors.scss":       `$it: blue;`,
		"_sizes.scss":        `$it: 1px;`,
	})
	assert.Equal(t, "a {\n  color: red;\n  width: 1px;\n  height: 1px;\n}", strings.TrimSpace(css))
}

func TestNothingOutsideTheRequestIsRead(t *testing.T) {
	s := begin(t)
	outside := filepath.Join(t.TempDir(), "secret.scss")
	require.NoError(t, os.WriteFile(outside, []byte("a { b: c }"), 0o600))
	for _, reference := range []string{outside, "file://" + outside, "../../../../../.." + outside} {
		_, err := s.Compile(t.Context(), &sasspb.CompileRequest{Files: map[string]string{entry: fmt.Sprintf("@use %q;", reference)}})
		assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
		assert.ErrorContains(t, err, "sass/main.scss:1:1: Can't find stylesheet to import.")
	}
}

func TestErrorsNameFileLineAndColumn(t *testing.T) {
	s := begin(t)
	for want, files := range map[string]map[string]string{
		"sass/main.scss:2:6: Expected expression.":                 {entry: "a {\n  b: ;\n}"},
		"sass/parts/_nav.scss:3:10: Undefined variable.":           {entry: `@use "parts/nav";`, "parts/_nav.scss": "// 😀 ünï\na {\n  color: $nowhere;\n}"},
		"sass/with space/_x.scss:1:6: Undefined variable.":         {entry: `@use "with space/x";`, "with space/_x.scss": "a{b: $nowhere}"},
		"sass/main.scss:2:1: Can't find stylesheet to import.":     {entry: "\n@use \"gone\";"},
		"sass/main.scss:1:1: it's not clear which file to import:": {entry: `@use "x";`, "x.scss": "", "_x.scss": ""},
		"sass/main.scss: there is no such file among the 1 given":  {"other.scss": ""},
		"sass/main.scss:1:1: \"no such thing\"":                    {entry: `@error "no such thing";`},
	} {
		_, err := s.Compile(t.Context(), &sasspb.CompileRequest{Files: files})
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
		assert.ErrorContains(t, err, want)
	}
	assert.Contains(t, compile(t, s, map[string]string{entry: "a{b:c}"}), "b: c", "the compiler goes on")
}

func TestCompilerStartsAtFirstCallIsKeptAndEndsWithTheService(t *testing.T) {
	if _, err := tool.Find("sass"); err != nil {
		t.Skip(err)
	}
	s := New()
	require.Empty(t, childProcesses())
	compile(t, s, map[string]string{entry: "a{b:c}"})
	first := childProcesses()
	require.NotEmpty(t, first)
	compile(t, s, map[string]string{entry: "a{b:c}"})
	assert.Equal(t, first, childProcesses())
	require.NoError(t, s.Close())
	assert.Empty(t, childProcesses())
	assert.NoError(t, New().Close(), "and closing what never compiled is nothing")
}

func TestCompilerThatDiedIsReplaced(t *testing.T) {
	s := begin(t)
	compile(t, s, map[string]string{entry: "a{b:c}"})
	var pid int
	_, err := fmt.Sscan(childProcesses(), &pid)
	require.NoError(t, err)
	process, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, process.Kill())
	assert.Contains(t, compile(t, s, map[string]string{entry: "a{b:c}"}), "b: c")
}

// Dart Sass does not listen while it is in a loop, so it has to be ended and
// replaced.
func TestEndlessCompilationEndsWithItsContext(t *testing.T) {
	s := begin(t)
	compile(t, s, map[string]string{entry: "a{b:c}"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Compile(ctx, &sasspb.CompileRequest{Files: map[string]string{entry: "@while true { $x: 1; }"}})
		done <- err
	}()
	for len(s.turn) > 0 { // until it has its turn
		runtime.Gosched()
	}
	cancel()
	assert.Equal(t, codes.Canceled, status.Code(<-done))
	assert.Contains(t, compile(t, s, map[string]string{entry: "a{b:c}"}), "b: c")
}

func TestCompilerDiesWithItsProcess(t *testing.T) {
	begin(t)
	for name, source := range map[string]string{"idle": "a{b:c}", "busy": "@while true { $x: 1; }"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), orphanVariable+"="+source)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			line, err := bufio.NewReader(stdout).ReadString('\n')
			require.NoError(t, err)
			var pid int
			_, err = fmt.Sscan(line, &pid)
			require.NoError(t, err, line)
			require.NoError(t, cmd.Process.Kill())
			assert.Error(t, cmd.Wait())
			for alive(pid) {
				runtime.Gosched()
			}
		})
	}
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := proc.Of(pid)
	return err == nil && !stat.Ended()
}

func TestConcurrentCallsGetTheirOwnAnswers(t *testing.T) {
	s := begin(t)
	var calls sync.WaitGroup
	for i := range 20 {
		calls.Go(func() {
			response, err := s.Compile(t.Context(), &sasspb.CompileRequest{Files: map[string]string{entry: `@use "x";`, "_x.scss": fmt.Sprintf("a{b:%d}", i)}})
			if assert.NoError(t, err) {
				assert.Contains(t, response.Css, fmt.Sprintf("b: %d;", i))
			}
		})
	}
	calls.Wait()
}

func TestMissingCompilerIsAFailedPrecondition(t *testing.T) {
	t.Setenv("DDC_TOOLS", "")
	t.Setenv("PATH", "/nowhere")
	t.Setenv(tool.FolderVariable, "")
	t.Chdir(t.TempDir())
	s := New()
	_, err := s.Compile(t.Context(), &sasspb.CompileRequest{Files: map[string]string{entry: ""}})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "sass, the compiler of SCSS, is not installed: run `make tools`")
	assert.NoError(t, s.Close())
}

func TestSitesCompileTheSameEveryTime(t *testing.T) {
	s := begin(t)
	for _, site := range fixture.Sites("dodeca-docs/docs", "sample-site", "code-execution-site") {
		files := fixture.Folder(t, site, "sass")
		css := compile(t, s, files)
		assert.Contains(t, css, "{", site.Name)
		assert.NotContains(t, css, "$", site.Name)
		assert.Equal(t, css, compile(t, s, files), site.Name)
	}
}

func BenchmarkRealSite(b *testing.B) {
	s := begin(b)
	files := fixture.Folder(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "sass")
	compile(b, s, files)
	for b.Loop() {
		compile(b, s, files)
	}
}

func BenchmarkFirstCall(b *testing.B) {
	files := fixture.Folder(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "sass")
	begin(b)
	for b.Loop() {
		s := New()
		compile(b, s, files)
		require.NoError(b, s.Close())
	}
}
