package site_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/site"
)

// refusing is a plugin that answers every call with the same error.
type refusing struct{ err error }

func (r refusing) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return r.err }

func (r refusing) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, r.err
}

// with is a host of real plugins but for one.
func with(t *testing.T, name string, other grpc.ClientConnInterface) site.Plugins {
	t.Helper()
	h, err := host.New(host.Options{Local: func(name string) (plugin.Service, error) { return services[name](), nil }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return site.Connect(func(n string) grpc.ClientConnInterface {
		if n == name {
			return other
		}
		return h.Conn(n)
	})
}

// called are the plugins that a site calls.
func called() (names []string) {
	site.Connect(func(name string) grpc.ClientConnInterface {
		names = append(names, name)
		return nil
	})
	return names
}

// everything is a site that needs each plugin that a site calls, to be built
// twice with Options.Changes and CheckLinks.
func everything(t *testing.T) *project {
	p := newProject(t,
		"content/a.md", "+++\ntitle = \"A\"\n+++\nold\n\n```rust\nfn main() {}\n```\n\n![](/p.png) ![](/q.webp) [x](http://127.0.0.1:1/)\n",
		"static/p.png", pngFile(20, 20), "static/f.ttf", goFont, "static/d.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
		"static/s.css", "@font-face{font-family:F;src:url(f.ttf)}body{font-family:F}", "static/s.js", "let x",
		"templates/index.html", "<!DOCTYPE html><html><head><link rel=\"stylesheet\" href=\"/s.css\"></head><body>abc</body></html>",
	)
	small := newProject(t, "static/p.png", pngFile(20, 20))
	small.mustBuild()
	p.write("static/q.webp", small.read("p.*.webp"))
	return p
}

// Pagefind holds the words of all pages, so that it is what ends first where
// there is little memory. More of it mends that without a change of the site.
func TestSearchThatMemoryHasNoRoomForIsTheSitesFaultAndNotRemembered(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\ntext\n")
	ended := status.Error(codes.ResourceExhausted, "pagefind_extended: signal: killed")
	s, err := site.Open(t.Context(), p.config(), with(t, "pagefind", refusing{ended}), site.Options{Limit: 1 << 30})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	for range 2 {
		_, err = s.Build(t.Context())
		var faults site.Errors
		require.ErrorAs(t, err, &faults)
		require.Len(t, faults, 1)
		assert.Contains(t, faults[0].Message, "the search of 2 pages needs more memory than there is, of which the build may take 1073.7 MB in all")
		assert.Contains(t, faults[0].Message, "pagefind_extended: signal: killed")
		assert.Contains(t, faults[0].Hint, "--no-search")
		assert.Contains(t, faults[0].Hint, "--memory-limit")
		_, err = s.Refresh(t.Context())
		require.NoError(t, err)
	}
}

// The meaning of a plugin's error does not depend on the plugin, except for
// plugins that a site can do without.
func TestErrorOfAnyPluginIsTheSitesOrTheMachinesOrAWarning(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: some forty builds")
	}
	needTools(t, "cargo", "sass", "cjxl", "hb-subset", "pagefind_extended")
	p := everything(t)
	p.write("sass/main.scss", "p{color:red}")
	_, err := p.build(site.Options{})
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(p.folder, "content/a.md"))
	require.NoError(t, err)
	p.write("content/a.md", strings.Replace(string(source), "old", "new", 1)) // something for html_diff
	options := site.Options{Changes: true, CheckLinks: true}
	index := filepath.Join(p.folder, "public", "a", "index.html")

	optional := map[string]bool{"jxl": true, "webp": true, "fonts": true, "pagefind": true, "svgo": true}
	for _, name := range called() {
		t.Run(name, func(t *testing.T) {
			_, err := site.Build(t.Context(), p.config(), with(t, name, refusing{status.Error(codes.Unavailable, "it died")}), options)
			assert.ErrorContains(t, err, name+" plugin", "dead")
			assert.Equal(t, codes.Unavailable, status.Code(errors.Unwrap(err)), "dead")
			assert.False(t, errors.As(err, new(site.Errors)), "dead")

			_, err = site.Build(t.Context(), p.config(), with(t, name, refusing{status.Error(codes.InvalidArgument, "it is wrong")}), options)
			if name != "jxl" && name != "fonts" { // a picture may do without a variant in a format, and a font is copied
				var faults site.Errors
				require.ErrorAs(t, err, &faults, "wrong input")
				assert.Contains(t, faults.Error(), "it is wrong")
			}

			if optional[name] {
				return // built by TestBuildGoesOnWithoutAnyOfTheToolsItCanDoWithout
			}
			_, err = site.Build(t.Context(), p.config(), with(t, name, refusing{status.Error(codes.FailedPrecondition, "no tool")}), options)
			assert.ErrorContains(t, err, name+" plugin: no tool")
			assert.False(t, errors.As(err, new(site.Errors)))
			assert.FileExists(t, index, "the last output is there")
		})
	}
}

func TestBuildGoesOnWithoutAnyOfTheToolsItCanDoWithout(t *testing.T) {
	p := everything(t)
	for _, name := range []string{"jxl", "webp", "fonts", "pagefind", "svgo"} {
		result, err := site.Build(t.Context(), p.config(), with(t, name, refusing{status.Error(codes.FailedPrecondition, "no tool")}), site.Options{NoCodeExec: true})
		require.NoError(t, err, name)
		var warnings []string
		for _, w := range result.Warnings {
			warnings = append(warnings, w.String())
		}
		assert.Contains(t, strings.Join(warnings, "\n"), name+" plugin: no tool (", name)
		assert.Contains(t, p.output(), "a/index.html")
		switch name {
		case "jxl":
			assert.NotContains(t, p.output(), "p.*.jxl")
			assert.Contains(t, p.output(), "p.*.webp")
		case "webp":
			assert.Contains(t, p.output(), "p.*.png", "the original stands in")
		case "fonts":
			assert.Equal(t, goFont, p.read("f.*.ttf"))
		}
	}
}

func TestReasonOfACancelledBuildIsItsError(t *testing.T) {
	p := newProject(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("somebody pressed ctrl-c")
	cancel(reason)
	_, err := p.buildIn(ctx, site.Options{})
	assert.ErrorIs(t, err, reason)
	p.assertNoOutput()
}

func TestProgressTellsOfEachCallThatItBeganAndEnded(t *testing.T) {
	p := everything(t)
	under := map[string]int{}
	_, err := p.build(site.Options{NoCodeExec: true, Progress: func(e site.Event) {
		if e.Done {
			under[e.Plugin]--
			return
		}
		under[e.Plugin]++
	}})
	require.NoError(t, err)
	for _, name := range []string{"markdown", "css", "js", "html", "minify", "image", "webp", "jxl", "fonts", "svgo", "pagefind", "syntax_highlight"} {
		assert.Contains(t, under, name)
		assert.Zero(t, under[name], name)
	}
}
