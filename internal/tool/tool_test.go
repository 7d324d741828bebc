package tool_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"ddc/internal/await"
	"ddc/internal/proc"
	"ddc/internal/tool"
)

// parentVariable turns this test binary into a process that starts a program
// and waits to be killed.
const parentVariable = "DDC_TEST_TOOL_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) != "" {
		parent()
	}
	goleak.VerifyTestMain(await.Watched(m))
}

func parent() {
	process, err := tool.Command{Program: tool.Program{Name: "sh"}, Args: []string{"-c", "echo $$; exec sleep 1000"}}.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	pid, _ := bufio.NewReader(process.Out).ReadString('\n')
	fmt.Print(pid)
	select {}
}

// program writes an executable script into a folder of its own and makes it the
// one that is searched first.
func program(t *testing.T, name, script string) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv(tool.FolderVariable, folder)
	return path
}

func TestFolderOfTheVariableGoesBeforeThePath(t *testing.T) {
	want := program(t, "sh", "exit 0")
	got, err := tool.Find("sh")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestWhatCannotBeExecutedIsNotFound(t *testing.T) {
	path := program(t, "ddc-no-such-tool", "exit 0")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err := tool.Find("ddc-no-such-tool")
	assert.ErrorIs(t, err, tool.ErrMissing)
}

func TestToolsOfTheCheckoutAreFoundAndThoseOfASiteAreNot(t *testing.T) {
	ours, err := os.ReadFile("../../go.mod") // whatever the module is called
	require.NoError(t, err)
	for module, found := range map[string]bool{string(ours): true, "module site\n": false} {
		root := t.TempDir()
		below := filepath.Join(root, "plugins", "x")
		require.NoError(t, os.MkdirAll(below, 0o755))
		bin := filepath.Join(root, ".tools", "bin")
		require.NoError(t, os.MkdirAll(bin, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte(module), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(bin, "ddc-test-tool"), []byte("#!/bin/sh\n"), 0o755))
		t.Chdir(below)
		_, err := tool.Find("ddc-test-tool")
		assert.Equal(t, found, err == nil, "%q: %v", module, err)
	}
}

func TestErrorForMissingToolSaysWhatToDo(t *testing.T) {
	t.Setenv(tool.FolderVariable, "")
	t.Setenv("PATH", "/nowhere")
	t.Chdir(t.TempDir())
	_, err := tool.Command{Program: tool.Program{Name: "cjxl", Purpose: "which writes JPEG XL"}}.Run(t.Context())
	assert.ErrorIs(t, err, tool.ErrMissing)
	assert.ErrorContains(t, err, "cjxl, which writes JPEG XL, is not installed: run `make tools`")
	assert.Equal(t, codes.FailedPrecondition, tool.Code(err))
	_, err = tool.Find("cjxl")
	assert.ErrorContains(t, err, "cjxl is not installed: run `make tools`", "its purpose is not known")
}

func TestRunPassesBytesThrough(t *testing.T) {
	input := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	output, err := tool.Command{Program: tool.Program{Name: "cat"}, Input: input}.Run(t.Context())
	require.NoError(t, err)
	assert.True(t, bytes.Equal(input, output))
}

// cjxl seeks to the end to learn the size, through the name.
func TestInputCanBeOpenedByNameAndSought(t *testing.T) {
	output, err := tool.Command{Program: tool.Program{Name: "sh"}, Args: []string{"-c", "tail -c 3 /dev/stdin; cat"}, Input: []byte("abcdef")}.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "defabcdef", string(output))
}

func TestRunSurvivesAProgramThatReadsNothing(t *testing.T) {
	output, err := tool.Command{Program: tool.Program{Name: "echo"}, Args: []string{"hello"}, Input: make([]byte, 1<<20)}.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(output))
}

func TestFailureRepeatsWhatTheProgramSaidLast(t *testing.T) {
	program(t, "grumble", "seq 1 10000 >&2; echo no such font >&2; exit 3")
	_, err := tool.Command{Program: tool.Program{Name: "grumble"}}.Run(t.Context())
	var failure *tool.Failure
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, "grumble", failure.Tool)
	assert.True(t, strings.HasSuffix(failure.Message, "10000\nno such font"), failure.Message)
	assert.LessOrEqual(t, len(failure.Message), 2000)
	assert.ErrorContains(t, err, "grumble: exit status 3: ")
	assert.Equal(t, codes.Internal, tool.Code(err))
}

// The pipe stays open for longer than a killed program may keep it.
func TestLastWordsMayComeLateFromAProgramThatEndedWell(t *testing.T) {
	out, err := tool.Command{Program: tool.Program{Name: "sh"}, Args: []string{"-c", "(sleep 2.5; echo late) & echo early"}}.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "early\nlate\n", string(out))
}

// The program's own child holds the output open, so Run would hang if only the
// program were killed.
func TestCancellingKillsTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	process, err := tool.Command{Program: tool.Program{Name: "sh"}, Args: []string{"-c", "sleep 1000 & echo $!; wait"}}.Start(ctx)
	require.NoError(t, err)
	line, err := bufio.NewReader(process.Out).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	cancel()
	err = process.Close()
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, codes.Canceled, tool.Code(err))
	waitUntilDead(child)
}

func TestEndedContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tool.Command{Program: tool.Program{Name: "cat"}}.Run(ctx)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = tool.Command{Program: tool.Program{Name: "cat"}}.Start(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestCloseEndsAProgramThatIgnoresTheEndOfItsInput(t *testing.T) {
	process, err := tool.Command{Program: tool.Program{Name: "sh"}, Args: []string{"-c", "echo $$; exec sleep 1000"}}.Start(t.Context())
	require.NoError(t, err)
	line, err := bufio.NewReader(process.Out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	assert.NoError(t, process.Close(), "that it is slow to end spoils nothing")
	waitUntilDead(pid)
}

func TestWhatAProgramWroteBeforeItEndedCanBeRead(t *testing.T) {
	process, err := tool.Command{Program: tool.Program{Name: "seq"}, Args: []string{"1000"}}.Start(t.Context())
	require.NoError(t, err)
	output, err := io.ReadAll(process.Out)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(string(output), "\n1000\n"))
	assert.NoError(t, process.Close())
}

func TestStartedProgramAnswersUntilItIsClosed(t *testing.T) {
	process, err := tool.Command{Program: tool.Program{Name: "cat"}}.Start(t.Context())
	require.NoError(t, err)
	for range 3 {
		_, err = io.WriteString(process.In, "ping\n")
		require.NoError(t, err)
		answer := make([]byte, 5)
		_, err = io.ReadFull(process.Out, answer)
		require.NoError(t, err)
		assert.Equal(t, "ping\n", string(answer))
	}
	assert.NoError(t, process.Close())
}

// A plugin inherits its doorbells without close-on-exec; a tool must not keep
// them open.
func TestProgramsInheritNoDescriptors(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	defer write.Close()
	inherited, err := syscall.Dup(int(write.Fd())) // without close-on-exec
	require.NoError(t, err)
	defer syscall.Close(inherited)
	output, err := tool.Command{Program: tool.Program{Name: "sh"}, Args: []string{"-c", "echo /proc/$$/fd/*"}}.Run(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, string(output), fmt.Sprintf("/fd/%d", inherited))
}

func TestProgramDiesWithTheProcessThatStartedIt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), parentVariable+"=1")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.True(t, alive(child))
	require.NoError(t, cmd.Process.Kill())
	assert.Error(t, cmd.Wait())
	waitUntilDead(child)
}

// waitUntilDead asks until a process that is not ours to reap is gone, for a
// signal is sent before it strikes. If it lives on, the limit of go test ends
// the test.
func waitUntilDead(pid int) {
	for alive(pid) {
		runtime.Gosched()
	}
}

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := proc.Of(pid)
	return err == nil && !stat.Ended()
}

func TestFolderIsGoneWhateverHappensInIt(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	bad := errors.New("bad font")
	var made string
	err := tool.InFolder(func(folder string) error {
		made = folder
		require.NoError(t, os.WriteFile(filepath.Join(folder, "in.ttf"), []byte("x"), 0o600))
		return bad
	})
	assert.ErrorIs(t, err, bad)
	assert.NoDirExists(t, made)

	assert.PanicsWithValue(t, "worse", func() {
		_ = tool.InFolder(func(folder string) error { made = folder; panic("worse") })
	})
	assert.NoDirExists(t, made)
}
