package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"ddc/internal/diagnostic"
	"ddc/internal/memory"
	"ddc/internal/tool"
)

// envBombs asks for the long form: every bomb, as root and as an ordinary user,
// with 512 MiB and with the default limit.
const envBombs = "DDC_BOMBS"

// nobody is the ordinary user, where the tests are root's.
const nobody = 65534

// A bomb ends within bombTime, which is generous: builds share the machine. It
// is not how long one should take.
const bombTime = 3 * time.Minute

// lie in a page is what the plugins of the tests answer with a lie, if envLiar
// is set: empty messages, or more bytes than there may be.
const (
	lie     = "ddc-lie"
	envLiar = "LC_DDC_LIAR"
)

// liesTo is what a lying plugin adds to its answer to a request, nil where it
// does not lie: empty messages, such as a page's headings.
func liesTo(request proto.Message) []byte {
	text, err := proto.Marshal(request)
	if err != nil || request.ProtoReflect().Descriptor().Name() != "RenderRequest" {
		return nil
	}
	switch {
	case bytes.Contains(text, []byte(lie+" empties")):
		return bytes.Repeat([]byte{2<<3 | 2, 0}, 15<<20)
	case bytes.Contains(text, []byte(lie+" large")):
		return protowire.AppendBytes(protowire.AppendTag(nil, 1000, protowire.BytesType), make([]byte, 50<<20))
	}
	return nil
}

func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector takes the memory that is measured here")
	}
	long := os.Getenv(envBombs) != ""
	stage := newStage(t)
	for _, b := range bombs() {
		if !long && !b.quick {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			site := stage.site(t, b)
			if !long {
				stage.explode(t, b, site, nobody, "512MiB")
				return
			}
			for _, user := range []int{os.Getuid(), nobody} {
				for _, limit := range []string{"512MiB", ""} {
					if user == nobody && os.Getuid() != 0 {
						continue // there is nobody else to be
					}
					t.Run(fmt.Sprintf("user %d, limit %s", user, limit), func(t *testing.T) { stage.explode(t, b, site, user, limit) })
				}
			}
		})
	}
}

func TestSecurityCountsTheBombs(t *testing.T) {
	page, err := os.ReadFile("../../docs/SECURITY.md")
	require.NoError(t, err)
	n := len(bombs())
	assert.Contains(t, string(page), fmt.Sprintf("| %d sites, %d builds |", n, 4*n))
}

// bombStage is a folder that every user may read, with a copy of this program.
type bombStage struct{ folder, program string }

func newStage(t *testing.T) bombStage {
	t.Helper()
	folder, err := os.MkdirTemp("", "bombs-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	own, err := os.Executable()
	require.NoError(t, err)
	from, err := os.Open(own)
	require.NoError(t, err)
	defer from.Close()
	s := bombStage{folder, filepath.Join(folder, "ddc")}
	to, err := os.OpenFile(s.program, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(to, from)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return s
}

func (s bombStage) site(t *testing.T, b bomb) string {
	t.Helper()
	site, err := os.MkdirTemp(s.folder, "site-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(site, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(site)) })
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\n",
		"content/_index.md", "+++\ntitle = \"home\"\n+++\n",
		"templates/page.html", "<html><head><title>{{ page.title }}</title></head><body>{{ page.content | safe }}</body></html>",
		"templates/section.html", "<html><head><title>{{ section.title }}</title></head><body>{{ section.content | safe }}</body></html>")
	b.make(t, site)
	return site
}

// explode builds a bomb, and looks at what became of it.
func (s bombStage) explode(t *testing.T, b bomb, site string, user int, limit string) {
	home, err := os.MkdirTemp(s.folder, "home-") // also TMPDIR's and the output's
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	temporary, beside := filepath.Join(home, "tmp"), filepath.Join(home, "beside")
	output := filepath.Join(beside, "out")
	old := oldOutput(t, output)
	require.NoError(t, os.Mkdir(temporary, 0o755))
	if os.Getuid() == 0 {
		require.NoError(t, filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
			require.NoError(t, err)
			return os.Chown(path, user, user)
		}))
	}
	arguments := []string{"build", site, "-o", output, "--json", "--no-code-exec"}
	most := memory.Default()
	if limit != "" {
		arguments = append(arguments, "--memory-limit", limit)
		most, err = memory.Parse(limit)
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bombTime)
	defer cancel()
	// A bomb that nothing holds must not take the machine along.
	limited := append([]string{"-c", `ulimit -v 16777216 && exec "$0" "$@"`, s.program}, arguments...)
	c := &child{Cmd: exec.CommandContext(ctx, "/bin/sh", limited...), cookie: fmt.Sprintf("LC_DDCTEST=%d", rand.Uint64())}
	tools, err := filepath.Abs("../../.tools/bin") // found beside the program else, which is a copy
	require.NoError(t, err)
	c.Env = append(os.Environ(), c.cookie, tool.FolderVariable+"="+tools, "HOME="+home, "TMPDIR="+temporary, envMischief+"="+home+"|", envLiar+"=yes")
	c.Dir = site
	c.Cmd.Stdout, c.Cmd.Stderr = &c.stdout, &c.stderr
	if user != os.Getuid() && os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	}
	begun := time.Now()
	failed := c.Run()
	require.NoError(t, ctx.Err(), "it did not end within %v: %s", bombTime, cut(c.stderr.String()))
	took := time.Since(begun)

	var r buildReport
	require.NoError(t, json.Unmarshal([]byte(c.stdout.String()), &r), "%v: %s%s", failed, cut(c.stdout.String()), cut(c.stderr.String()))
	outcome := "builds"
	if failed != nil {
		require.NotEmpty(t, r.Errors, c.stderr.String())
		outcome = faultText(r.Errors[0])
	}
	t.Logf("%v, %d MB: %s", took.Round(time.Millisecond), r.PeakMemory/1e6, cut(outcome))
	assert.LessOrEqual(t, r.PeakMemory, most, "memory")
	assert.NotContains(t, c.stderr.String(), "goroutine ", "it crashed")
	switch {
	case failed == nil:
		assert.True(t, b.fault == "" || b.mayBuild, "it builds")
		assert.NotEqual(t, old, tree(t, output), "the new output")
	case b.fault == "":
		assert.Fail(t, "it must build", outcome)
	default:
		code := b.code
		if code == 0 {
			code = exitSite
		}
		assert.Equal(t, code, c.ProcessState.ExitCode(), cut(outcome))
		assert.Regexp(t, b.fault, outcome)
		assert.Equal(t, old, tree(t, output), "the last output")
	}
	clearedUp(t, c, temporary, beside)
}

// faultText is where a fault is, and what.
func faultText(p diagnostic.Problem) string {
	p.Hint, p.Related = "", nil
	return p.String()
}

func cut(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
