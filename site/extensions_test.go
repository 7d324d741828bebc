package site_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/proto/sitepb"
	"ddc/site"
	"ddc/site/config"
)

// bellRinger is a plugin of a site's own, in this process.
type bellRinger struct {
	sitepb.UnimplementedSitePluginServer
	name      string
	order     int32
	functions atomic.Int64
	shortcode string
}

func (b *bellRinger) Register(r grpc.ServiceRegistrar) { sitepb.RegisterSitePluginServer(r, b) }

func (b *bellRinger) Describe(context.Context, *sitepb.DescribeRequest) (*sitepb.DescribeResponse, error) {
	return &sitepb.DescribeResponse{Version: "1", Order: b.order, Shortcodes: []string{b.shortcode},
		Functions: []*sitepb.Signature{{Name: "ring_" + b.name, Parameters: []string{"of"}}},
		Stages:    []sitepb.Stage{sitepb.Stage_STAGE_MARKDOWN, sitepb.Stage_STAGE_HTML, sitepb.Stage_STAGE_FILES, sitepb.Stage_STAGE_CHECK}}, nil
}

func (b *bellRinger) Markdown(_ context.Context, in *sitepb.MarkdownRequest) (*sitepb.MarkdownResponse, error) {
	text := in.Text + "\n\n" + b.name + " of line " + fmt.Sprint(in.Line)
	return &sitepb.MarkdownResponse{Text: &text}, nil
}

func (b *bellRinger) Html(_ context.Context, in *sitepb.HtmlRequest) (*sitepb.HtmlResponse, error) {
	text := strings.Replace(in.Html, "</body>", "<a href=\"/"+b.name+".txt\">"+b.name+" "+in.Page.Title+" "+in.Page.ExtraJson+"</a></body>", 1)
	return &sitepb.HtmlResponse{Html: &text}, nil
}

func (b *bellRinger) Shortcode(_ context.Context, in *sitepb.ShortcodeRequest) (*sitepb.ShortcodeResponse, error) {
	return &sitepb.ShortcodeResponse{Html: "<i>" + in.ArgumentsJson + in.GetBody() + "</i>", Problems: []*sitepb.Problem{{Line: in.Line, Message: "heard", Warning: true}}}, nil
}

func (b *bellRinger) Function(_ context.Context, in *sitepb.FunctionRequest) (*sitepb.FunctionResponse, error) {
	b.functions.Add(1)
	if in.ArgumentsJson == "{}" {
		return &sitepb.FunctionResponse{}, nil
	}
	return &sitepb.FunctionResponse{ValueJson: `"<u>` + strings.NewReplacer(`"`, "'").Replace(in.ArgumentsJson) + `</u>"`, Html: true}, nil
}

func (b *bellRinger) Files(_ context.Context, in *sitepb.FilesRequest) (*sitepb.FilesResponse, error) {
	var titles []string
	for _, p := range in.Pages {
		titles = append(titles, p.Title)
	}
	return &sitepb.FilesResponse{Files: []*sitepb.File{{Path: b.name + ".txt", Contents: []byte(strings.Join(titles, " "))}},
		Pages: []*sitepb.NewPage{{Url: "/of/" + b.name + "/", Title: b.name, Content: "<p>made</p>", Description: "d"}}}, nil
}

func (b *bellRinger) Check(_ context.Context, in *sitepb.CheckRequest) (*sitepb.CheckResponse, error) {
	if strings.Contains(in.Source, "crack") {
		return nil, status.Error(codes.InvalidArgument, "a crack")
	}
	return &sitepb.CheckResponse{}, nil
}

// ringing opens a project with plugins of its own.
func (p *project) ringing(ringers ...*bellRinger) site.Plugins {
	p.t.Helper()
	byName := map[string]*bellRinger{}
	h, err := host.New(host.Options{Local: func(name string) (plugin.Service, error) { return byName[name], nil }})
	require.NoError(p.t, err)
	p.t.Cleanup(func() { require.NoError(p.t, h.Close()) })
	plugins := connect(p.t)
	for _, r := range ringers {
		byName[r.name] = r
		plugins.Extensions = append(plugins.Extensions, site.Extension{Plugin: config.Plugin{Name: r.name, Line: 3, Col: 1}, Client: sitepb.NewSitePluginClient(h.Conn(r.name)), Version: "1"})
	}
	return plugins
}

func TestPluginsComeByTheirOrderAndThenAsTheyAreNamed(t *testing.T) {
	p := newProject(t, "templates/page.html", `<!DOCTYPE html><html><body>{{ page.title }} {{ page.description }} {{ page.content | safe }}</body></html>`,
		"templates/index.html", `<!DOCTYPE html><html><body>{{ section.content | safe }}{{ ring_b(of=[1, {"k": "v"}]) }}{{ ring_b() is none }}{{ ring_b(of=[1, {"k": "v"}]) }}</body></html>`,
		"content/_index.md", "+++\ntitle = \"Home\"\n[extra]\na = 1\n+++\n{{ s_a(x=2) }}\n\n{% s_a() %}body{% end %}\n")
	b := &bellRinger{name: "b", shortcode: "s_b"}
	plugins := p.ringing(&bellRinger{name: "a", order: 1, shortcode: "s_a"}, b, &bellRinger{name: "c", shortcode: "s_c"})
	result, err := site.Build(t.Context(), p.config(), plugins, site.Options{})
	require.NoError(t, err)
	var order []string
	for _, e := range result.Extensions {
		order = append(order, e.Name)
	}
	assert.Equal(t, []string{"b", "c", "a"}, order)
	home := p.read("index.html")
	assert.Contains(t, home, "<p>b of line 6</p>\n<p>c of line 6</p>\n<p>a of line 6</p>")
	assert.Contains(t, home, `<a href=/b.txt>b Home {"a":1}</a>`)
	assert.Contains(t, home, "<u>{'of':[1,{'k':'v'}]}</u>true<u>")
	assert.Contains(t, home, `<i>{"nth":1,"x":2}</i>`)
	assert.Contains(t, home, `<i>{"nth":2}body</i>`)
	assert.EqualValues(t, 2, b.functions.Load(), "the same call is made once")
	assert.Contains(t, p.read("of/a/index.html"), "a d <p>made")
	assert.Equal(t, "Home", p.read("a.txt"))
	require.Len(t, result.Warnings, 2)
	assert.Equal(t, "content/_index.md:6: a: heard", result.Warnings[0].String())

	_, err = site.Build(t.Context(), p.config(), plugins, site.Options{Strict: true})
	assert.ErrorContains(t, err, "a: heard")
}

func TestTwoPluginsCannotHaveOneName(t *testing.T) {
	p := newProject(t)
	plugins := p.ringing(&bellRinger{name: "a", shortcode: "s"}, &bellRinger{name: "b", shortcode: "s"})
	_, err := site.Build(t.Context(), p.config(), plugins, site.Options{})
	assert.ErrorContains(t, err, ".config/dodeca.kdl:3:1: the plugins a and b both have the shortcode s")
	p.write("templates/shortcodes/s_a.html", "<q>the site's</q>", "content/_index.md", "{{ s_a() }}")
	plugins = p.ringing(&bellRinger{name: "a", shortcode: "s_a"})
	_, err = site.Build(t.Context(), p.config(), plugins, site.Options{})
	require.NoError(t, err)
	assert.Contains(t, p.read("index.html"), "<q>the site's</q>", "a template of the site goes before")
}

// What plugins make is a value as any other: file by file, and after each
// change.
func TestSessionWithPluginsEqualsACleanBuild(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\na\n")
	plugins := p.ringing(&bellRinger{name: "a", shortcode: "s"})
	s, err := site.Open(t.Context(), p.config(), plugins, site.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for i, edit := range [][]string{nil, {"content/a.md", "+++\ntitle = \"Another\"\n+++\na\n"}, {"content/b.md", "b"}, {"content/a.md", "{{ s(x=1) }}"}} {
		p.write(edit...)
		_, err := s.Refresh(t.Context())
		require.NoError(t, err)
		_, err = site.Build(t.Context(), p.config(), plugins, site.Options{})
		require.NoError(t, err)
		names, err := s.Names(t.Context())
		require.NoError(t, err)
		assert.Contains(t, names, "a.txt")
		assert.Contains(t, names, "of/a/index.html")
		for _, name := range names {
			if strings.HasPrefix(name, "pagefind/") {
				continue
			}
			file, err := s.File(t.Context(), name)
			require.NoError(t, err, name)
			assert.Equal(t, p.read(name), string(file.Data), "after edit %d: %s", i, name)
		}
	}
	p.write("content/b.md", "crack")
	_, err = s.Refresh(t.Context())
	require.NoError(t, err)
	_, err = s.File(t.Context(), "b/index.html")
	assert.ErrorContains(t, err, "content/b.md: a crack")
	_, err = s.File(t.Context(), "a/index.html")
	assert.NoError(t, err)
}

// A program that may look at more than its requests is asked again.
func TestOpenPluginIsAskedAgainAfterEachChange(t *testing.T) {
	p := newProject(t, "templates/index.html", `<!DOCTYPE html><html><body>{{ ring_a(of=1) }}</body></html>`)
	a := &bellRinger{name: "a", shortcode: "s"}
	plugins := p.ringing(a)
	plugins.Extensions[0].Open = true
	s, err := site.Open(t.Context(), p.config(), plugins, site.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	calls := func() int { return s.Counts().Calls["a"] }
	_, err = s.File(t.Context(), "index.html")
	require.NoError(t, err)
	first := calls()
	p.write("content/other.md", "other")
	_, err = s.Refresh(t.Context())
	require.NoError(t, err)
	_, err = s.File(t.Context(), "index.html")
	require.NoError(t, err)
	assert.Greater(t, calls(), first)
}
