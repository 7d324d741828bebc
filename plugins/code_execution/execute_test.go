package code_execution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/fixture"
	pb "ddc/plugins/code_execution/code_executionpb"
)

const waitLimit = time.Minute

// cargo is how the documentation's own configuration runs Rust.
func cargo(t *testing.T) *pb.Language {
	t.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip("no cargo to run samples with: ", err)
	}
	return &pb.Language{Command: "cargo", Args: []string{"run", "--quiet", "--release"}, Extension: "rs", PrepareCode: true,
		AutoImports: []string{"use std::collections::HashMap;"}, Dependencies: []*pb.Dependency{{Name: "serde", Version: "1.0"}}}
}

// shell runs a sample with sh, which every machine has.
func shell() *pb.Language { return &pb.Language{Command: "sh", Extension: "sh"} }

func execute(t *testing.T, req *pb.ExecuteRequest) *pb.ExecuteResponse {
	t.Helper()
	res, err := New().Execute(context.Background(), req)
	require.NoError(t, err)
	return res
}

func script(code string) *pb.Sample {
	return &pb.Sample{SourcePath: "content/a.md", Line: 7, Language: "sh", Code: code, Executable: true}
}

func rust(line int32, code string) *pb.Sample {
	return &pb.Sample{SourcePath: "content/a.md", Line: line, Language: "rust", Code: code, Executable: true}
}

// The pages are in testdata, and those of real sites where they are there.
func TestSamplesOfPagesRunButForThoseMeantToFail(t *testing.T) {
	language, cacheDir, service := cargo(t), t.TempDir(), New()
	failing := map[string]string{ // by page, where it fails
		"wrong.md":                               "wrong.md:9:22",
		"docs/content/internals/architecture.md": "docs/content/internals/architecture.md:115:",
		"content/failing.md":                     "content/failing.md:12:18",
	}
	all := samplesOf(t, os.DirFS("testdata/pages"))
	require.Len(t, all, 3)
	for _, site := range fixture.Sites("dodeca-docs", "code-execution-site") {
		if site.Real {
			all = append(all, samplesOf(t, site)...)
		}
	}
	failed := map[string]bool{}
	for _, sample := range all {
		if sample.GetLanguage() != "rust" || !sample.GetExecutable() {
			continue
		}
		res, err := service.Execute(context.Background(), &pb.ExecuteRequest{Sample: sample, Language: language, CacheDir: cacheDir, TimeoutMs: 120_000})
		require.NoError(t, err)
		if place, fails := failing[sample.GetSourcePath()]; fails {
			failed[sample.GetSourcePath()] = true
			assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
			assert.Contains(t, res.GetStderr(), place)
			assert.NotZero(t, res.GetExitCode())
		} else {
			assert.Equal(t, pb.ExecuteResponse_OUTCOME_SUCCESS, res.GetOutcome(), "%s:%d: %s\n%s", sample.GetSourcePath(), sample.GetLine(), res.GetError(), res.GetStderr())
		}
		assert.True(t, strings.HasPrefix(res.GetToolVersion(), "cargo 1."), res.GetToolVersion())
	}
	assert.True(t, failed["wrong.md"])
}

func TestCompilersMessageNamesThePageAndItsLine(t *testing.T) {
	sample := rust(40, "let x = 5;\nlet y: i32 = \"no number\";\n")
	res := execute(t, &pb.ExecuteRequest{Sample: sample, Language: cargo(t), CacheDir: t.TempDir(), TimeoutMs: 120_000})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.Contains(t, res.GetStderr(), "--> content/a.md:42:14")
	assert.Equal(t, "mismatched types (line 42, column 14)", res.GetError())
}

func TestPanicNamesThePageAndItsLine(t *testing.T) {
	sample := rust(12, "\npanic!(\"Intentional panic\");\n")
	res := execute(t, &pb.ExecuteRequest{Sample: sample, Language: cargo(t), CacheDir: t.TempDir(), TimeoutMs: 120_000})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.EqualValues(t, 101, res.GetExitCode())
	assert.Equal(t, "panicked at line 14: Intentional panic", res.GetError())
	assert.Contains(t, res.GetStderr(), "thread 'main' panicked at content/a.md:14:1:")
}

// crateWithSeven is the folder of a crate, my-crate, that has a function seven.
func crateWithSeven(t *testing.T) string {
	t.Helper()
	crate := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(crate, "src"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(crate, "Cargo.toml"), []byte("[package]\nname = \"my-crate\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(crate, "src/lib.rs"), []byte("pub fn seven() -> i32 { 7 }\n"), 0o644))
	return crate
}

func TestDependencyIsBuiltOnlyWhenTheSampleNamesIt(t *testing.T) {
	language := cargo(t)
	language.Dependencies = append(language.Dependencies, &pb.Dependency{Name: "my-crate", Path: crateWithSeven(t)},
		&pb.Dependency{Name: "no-such-crate", Path: "/nonexistent"})
	sample := rust(1, "println!(\"{}\", my_crate::seven());\n")
	res := execute(t, &pb.ExecuteRequest{Sample: sample, Language: language, TimeoutMs: 120_000})
	assert.Equal(t, "7\n", res.GetStdout(), res.GetStderr())
}

func TestRustProgramKeepsTheLinesOfThePage(t *testing.T) {
	language := &pb.Language{PrepareCode: true, AutoImports: []string{"use std::fmt;", "extern crate core;"}}
	for name, test := range map[string]struct{ code, first, rest string }{
		"wrapped":          {"a();\nb();\n", "fn main() {", "\n\na();\nb();\n}\n"},
		"program":          {"fn main() {}\n", "use ddc_auto_imports::*; ", "\n\nfn main() {}\n"},
		"main in a remark": {"// fn main() {}\n", "fn main() {", "\n\n// fn main() {}\n}\n"},
		"attributes first": {"//! Doc\n#![feature(x)]\n\npub async fn main() {}\n", "#![allow(unused)] #![feature(x)] extern crate core; mod ddc", "\n\n\n\npub async fn main() {}\n"},
	} {
		program, err := rustProgram(rust(2, test.code), language)
		require.NoError(t, err)
		first, _, _ := strings.Cut(program, "\n")
		assert.Contains(t, first, test.first, name)
		assert.Contains(t, first, "pub use std::fmt;", name)
		assert.True(t, strings.HasSuffix(program, test.rest), "%s: %q", name, program)
		for i, line := range strings.Split(strings.TrimSuffix(test.code, "\n"), "\n") {
			if !strings.Contains(line, "!") {
				assert.Equal(t, line, strings.Split(program, "\n")[2+i], name)
			}
		}
	}
	_, err := rustProgram(rust(2, "x"), &pb.Language{PrepareCode: true, AutoImports: []string{"use a; // b"}})
	assert.ErrorContains(t, err, "without comments")
}

func TestImportsAndAttributesOfTheSampleDoNotClashWithAutoImports(t *testing.T) {
	sample := rust(3, "#![deny(warnings)]\nuse std::collections::HashMap;\nfn main() { let _: HashMap<u8, u8> = HashMap::new(); }\n")
	res := execute(t, &pb.ExecuteRequest{Sample: sample, Language: cargo(t), TimeoutMs: 120_000})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_SUCCESS, res.GetOutcome(), res.GetStderr())
}

func TestResultIsKeptWhileNothingChanges(t *testing.T) {
	req := &pb.ExecuteRequest{Sample: script("echo out; echo err >&2"), Language: shell(), CacheDir: t.TempDir()}
	first := execute(t, req)
	assert.False(t, first.GetCached())
	req.Sample.Line = 99
	second := execute(t, req)
	assert.True(t, second.GetCached())
	assert.Equal(t, "out\n", second.GetStdout())
	assert.Equal(t, "err\n", second.GetStderr())
	assert.Equal(t, first.GetDurationMs(), second.GetDurationMs())

	req.Sample.Code += " "
	assert.False(t, execute(t, req).GetCached())
	req.Language.Args = []string{"-e"}
	assert.False(t, execute(t, req).GetCached())
}

func TestFailureIsNotKept(t *testing.T) {
	req := &pb.ExecuteRequest{Sample: script("exit 3"), Language: shell(), CacheDir: t.TempDir()}
	for range 2 {
		res := execute(t, req)
		assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
		assert.EqualValues(t, 3, res.GetExitCode())
		assert.Equal(t, "ended with status 3", res.GetError())
	}
}

func TestOtherLanguagesNameThePage(t *testing.T) {
	res := execute(t, &pb.ExecuteRequest{Sample: script("if"), Language: shell()})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.Contains(t, res.GetStderr(), "content/a.md (sample at line 7)")
}

func TestSampleMarkedNoexecIsSkipped(t *testing.T) {
	sample := script("exit 1")
	sample.Executable = false
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_SKIPPED, execute(t, &pb.ExecuteRequest{Sample: sample, Language: shell()}).GetOutcome())
}

func TestMissingToolIsNamed(t *testing.T) {
	res := execute(t, &pb.ExecuteRequest{Sample: script("x"), Language: &pb.Language{Command: "no-such-tool"}})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_TOOL_MISSING, res.GetOutcome())
	assert.Equal(t, "no-such-tool", res.GetMissingTool())
	assert.Contains(t, res.GetError(), "no-such-tool is not installed")
}

func TestLanguageWithoutCommandIsRefused(t *testing.T) {
	_, err := New().Execute(context.Background(), &pb.ExecuteRequest{Sample: script("x"), Language: &pb.Language{}})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "content/a.md:7:")
}

func TestTimeOutEndsAllAndNamesWhatRan(t *testing.T) {
	h := newHeld(t)
	names := regexp.MustCompile("^did not end within [0-9]+s and was killed; it ran: .*sh .*sample.sh, sleep 1000$")
	for seconds := int32(1); ; seconds *= 2 { // a busy machine may need a second to begin
		res := execute(t, &pb.ExecuteRequest{Sample: script(h.open() + "sleep 1000 & wait"), Language: shell(), TimeoutMs: 1000 * seconds})
		require.Equal(t, pb.ExecuteResponse_OUTCOME_TIMED_OUT, res.GetOutcome())
		require.Contains(t, res.GetError(), fmt.Sprintf("did not end within %ds and was killed", seconds))
		h.assertGone()
		if names.MatchString(res.GetError()) {
			return
		}
		require.Less(t, seconds, int32(32), res.GetError())
	}
}

// writable is a folder that samples of this test may write to.
func writable(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv(writeVariable, folder)
	return folder
}

// held is a pipe that a sample, and all that it starts, hold open, whatever
// they do to their standard streams: it ends when the last of them has.
type held struct {
	t    *testing.T
	path string
	pipe *os.File
}

func newHeld(t *testing.T) *held {
	t.Helper()
	return newHeldIn(t, writable(t))
}

func newHeldIn(t *testing.T, folder string) *held {
	t.Helper()
	t.Setenv(writeVariable, folder)
	h := &held{t: t, path: filepath.Join(folder, "held")}
	require.NoError(t, syscall.Mkfifo(h.path, 0o666))
	require.NoError(t, os.Chmod(h.path, 0o666))
	var err error
	h.pipe, err = os.OpenFile(h.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { h.pipe.Close() })
	return h
}

// open is the line of a shell that opens the pipe.
func (h *held) open() string { return "exec 9>" + h.path + "\n" }

// wait waits until something was written to the pipe.
func (h *held) wait() {
	h.t.Helper()
	await.Until(h.t, "the sample to write to the pipe", func() bool {
		require.NoError(h.t, h.pipe.SetReadDeadline(time.Now().Add(time.Second)))
		n, err := h.pipe.Read(make([]byte, 64))
		if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) { // nobody has opened it yet, or written
			require.NoError(h.t, err)
		}
		return n > 0
	})
}

// assertGone waits until nobody has the pipe.
func (h *held) assertGone() {
	h.t.Helper()
	require.NoError(h.t, h.pipe.SetReadDeadline(time.Now().Add(waitLimit)))
	_, err := io.Copy(io.Discard, h.pipe)
	assert.NoError(h.t, err, "a process of the sample is still there")
}

func TestCancelledCallEndsAtOnceAndLeavesNothing(t *testing.T) {
	h := newHeld(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := New().Execute(ctx, &pb.ExecuteRequest{Sample: script(h.open() + "echo x >&9; sleep 1000"), Language: shell(), TimeoutMs: 600_000})
		ended <- err
	}()
	h.wait()
	cancel()
	assert.Equal(t, codes.Canceled, status.Code(await.Value(t, "the cancelled call to end", ended)))
	h.assertGone()
}

func TestSampleThatBlocksDoesNotKeepAPluginOnOneProcessorFromAnswering(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	folder, service := writable(t), New()
	started, goOn := filepath.Join(folder, "started"), filepath.Join(folder, "go-on")
	require.NoError(t, errors.Join(syscall.Mkfifo(started, 0o600), syscall.Mkfifo(goOn, 0o600)))
	ended := make(chan *pb.ExecuteResponse, 1)
	go func() {
		res, err := service.Execute(context.Background(), &pb.ExecuteRequest{
			Sample: script(fmt.Sprintf("echo x > %s; cat %s", started, goOn)), Language: shell(), TimeoutMs: 600_000})
		assert.NoError(t, err)
		ended <- res
	}()
	done := await.Bound(t, "the sample to start")
	_, err := os.ReadFile(started)
	done()
	require.NoError(t, err)
	found, err := service.Extract(context.Background(), &pb.ExtractRequest{Content: "```rust\n```\n"})
	require.NoError(t, err)
	assert.Len(t, found.GetSamples(), 1)
	assert.Empty(t, ended, "the sample still waits")
	require.NoError(t, os.WriteFile(goOn, []byte("done"), 0o600))
	assert.Equal(t, "done", await.Value(t, "the sample to end", ended).GetStdout())
}

func TestSamplesAtTheSameTimeDoNotTakeEachOthersProgram(t *testing.T) {
	language, cacheDir, service := cargo(t), t.TempDir(), New()
	var calls sync.WaitGroup
	for i := range 4 {
		calls.Go(func() {
			res, err := service.Execute(context.Background(), &pb.ExecuteRequest{
				Sample: rust(1, fmt.Sprintf("println!(\"{}\", %d);\n", i)), Language: language, CacheDir: cacheDir, TimeoutMs: 120_000})
			assert.NoError(t, err)
			assert.Equal(t, fmt.Sprintln(i), res.GetStdout(), res.GetStderr())
		})
	}
	done := await.Bound(t, "four samples to end")
	calls.Wait()
	done()
}

func TestProgramThatWritesTooMuchIsKilled(t *testing.T) {
	res := execute(t, &pb.ExecuteRequest{Sample: script("cat /dev/zero"), Language: shell(), TimeoutMs: 120_000})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.Equal(t, "wrote more than 10 MiB and was killed", res.GetError())
	assert.Len(t, res.GetStdout(), outputLimit)
}

func TestOutputThatIsNoTextCanBeAnswered(t *testing.T) {
	res := execute(t, &pb.ExecuteRequest{Sample: script(`printf 'a\377b'`), Language: shell()})
	assert.Equal(t, "a\uFFFDb", res.GetStdout())
}

func TestNothingIsLeftInTheTemporaryFolder(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	execute(t, &pb.ExecuteRequest{Sample: script("true"), Language: shell()})
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestCacheThatCannotBeWrittenIsDoneWithout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for range 2 {
		res := execute(t, &pb.ExecuteRequest{Sample: script("echo fine"), Language: shell(), CacheDir: filepath.Join(file, "cache"), TimeoutMs: 60_000})
		assert.Equal(t, pb.ExecuteResponse_OUTCOME_SUCCESS, res.GetOutcome())
		assert.Equal(t, "fine\n", res.GetStdout())
		assert.False(t, res.GetCached())
	}
}
