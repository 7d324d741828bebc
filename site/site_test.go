package site_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/image/font/gofont/goregular"
	"google.golang.org/grpc"

	"ddc/internal/await"
	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/plugins"
	"ddc/site"
	"ddc/site/config"
)

func TestMain(m *testing.M) {
	// The highlighter's clock goes on for a while after its last use, and then
	// ends by itself.
	goleak.VerifyTestMain(await.Watched(m), goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// services open each plugin by its name.
var services = func() map[string]func() plugin.Service {
	open := map[string]func() plugin.Service{}
	for _, s := range plugins.All() {
		open[s.Name] = s.Open
	}
	return open
}()

// project is a site under test.
type project struct {
	t      testing.TB
	folder string
}

// newProject makes a site of files, given as path and content in turn, on top
// of the least that builds.
func newProject(t *testing.T, files ...string) *project {
	p := &project{t, filepath.Join(t.TempDir(), "site")}
	p.write(
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\n",
		"content/_index.md", "+++\ntitle = \"Home\"\n+++\nhello\n",
		"templates/index.html", "<!DOCTYPE html><html><head><title>{{ section.title }}</title></head><body>{{ section.content | safe }}</body></html>",
		"templates/section.html", "<!DOCTYPE html><html><head><title>{{ section.title }}</title></head><body>{{ section.content | safe }}</body></html>",
		"templates/page.html", "<!DOCTYPE html><html><head><title>{{ page.title }}</title></head><body>{{ page.content | safe }}</body></html>",
	)
	p.write(files...)
	return p
}

func (p *project) write(files ...string) {
	p.t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(p.folder, files[i])
		require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(p.t, os.WriteFile(path, []byte(files[i+1]), 0o666))
	}
}

// connect reaches the real services, all in this process.
func connect(t testing.TB) site.Plugins {
	t.Helper()
	h, err := host.New(host.Options{Local: func(name string) (plugin.Service, error) {
		open := services[name]
		if open == nil {
			return nil, fmt.Errorf("no plugin %q", name)
		}
		return open(), nil
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return site.Connect(func(name string) grpc.ClientConnInterface { return h.Conn(name) })
}

func (p *project) build(o site.Options) (*site.Result, error) {
	p.t.Helper()
	return p.buildIn(p.t.Context(), o)
}

func (p *project) buildIn(ctx context.Context, o site.Options) (*site.Result, error) {
	p.t.Helper()
	return site.Build(ctx, p.config(), connect(p.t), o)
}

func (p *project) config() *config.Config {
	p.t.Helper()
	cfg, err := config.Load(p.folder, config.Overrides{})
	require.NoError(p.t, err)
	return cfg
}

// mustBuild gives the warnings.
func (p *project) mustBuild() []string {
	p.t.Helper()
	result, err := p.build(site.Options{})
	require.NoError(p.t, err)
	var warnings []string
	for _, w := range result.Warnings {
		warnings = append(warnings, w.String())
	}
	return warnings
}

// faults gives the errors of a build that must fail by the site's fault.
func (p *project) faults(o site.Options) []string {
	p.t.Helper()
	_, err := p.build(o)
	var all site.Errors
	require.ErrorAs(p.t, err, &all)
	var faults []string
	for _, f := range all {
		faults = append(faults, f.String())
	}
	return faults
}

// read gives an output file; a hash in its name is written as *.
func (p *project) read(pattern string) string {
	p.t.Helper()
	matches, err := filepath.Glob(filepath.Join(p.folder, "public", pattern))
	require.NoError(p.t, err)
	require.Len(p.t, matches, 1, "%s among %v", pattern, p.output())
	data, err := os.ReadFile(matches[0])
	require.NoError(p.t, err)
	return string(data)
}

var hash = regexp.MustCompile(`\.[0-9acdeo]{12}\.`)

// output lists the output but for the search index, each hash as *.
func (p *project) output() []string {
	p.t.Helper()
	var files []string
	public := filepath.Join(p.folder, "public")
	require.NoError(p.t, filepath.WalkDir(public, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if name, _ := filepath.Rel(public, path); err == nil && !d.IsDir() && !strings.HasPrefix(name, "pagefind/") && name != ".ddc" {
			files = append(files, hash.ReplaceAllString(name, ".*."))
		}
		return err
	}))
	return files
}

func pngFile(width, height int) string {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		if m.Pix[i] = byte(i); i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	var b strings.Builder
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.String()
}

func gifFile(frames int) string {
	g := &gif.GIF{}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 10)
	}
	var b strings.Builder
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.String()
}

var goFont = string(goregular.TTF)
