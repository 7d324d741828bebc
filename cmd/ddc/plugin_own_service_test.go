package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ddc/plugin"
	"ddc/plugins/minify/minifypb"
	"ddc/proto/sitepb"
)

// ownRole makes this test binary a site's own plugin, of the kind that the word
// after it says.
const ownRole = "own-plugin"

func beOwnPlugin(kind string) {
	kind, faulty := strings.CutSuffix(kind, " at first")
	if faulty && ownEdition() == "the mended" {
		kind = "edition"
	}
	switch kind {
	case "minify":
		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { minifypb.RegisterMinifyServer(r, otherMinify{}) }))
	case "no utf-8":
		plugin.Main(plugin.Func(registerGarbled))
	default:
		plugin.Main(ownService{kind: kind})
	}
}

// otherMinify takes the place of ddc's minify.
type otherMinify struct {
	minifypb.UnimplementedMinifyServer
}

func (otherMinify) Html(_ context.Context, in *minifypb.HtmlRequest) (*minifypb.HtmlResponse, error) {
	return &minifypb.HtmlResponse{Html: in.Html + "<!-- another one, made by " + ownEdition() + " edition -->"}, nil
}

// ownService is a site's own plugin. Its kind is "sound", or what is wrong with
// it.
type ownService struct {
	sitepb.UnimplementedSitePluginServer
	kind string
}

func (s ownService) Register(r grpc.ServiceRegistrar) { sitepb.RegisterSitePluginServer(r, s) }

func (s ownService) Describe(context.Context, *sitepb.DescribeRequest) (*sitepb.DescribeResponse, error) {
	d := &sitepb.DescribeResponse{
		Version:    "1.2",
		Stages:     []sitepb.Stage{sitepb.Stage_STAGE_CHECK, sitepb.Stage_STAGE_MARKDOWN, sitepb.Stage_STAGE_HTML, sitepb.Stage_STAGE_FILES},
		Shortcodes: []string{"shout"},
		Functions:  []*sitepb.Signature{{Name: "louder", Parameters: []string{"text", "times"}, Required: 1}, {Name: "peek", Parameters: []string{"path"}, Required: 1}},
	}
	switch s.kind {
	case "no Describe", "html":
		return nil, status.Error(codes.Unimplemented, "no Describe")
	case "newer":
		d.LeastRevision = 7
	case "nothing":
		d = &sitepb.DescribeResponse{}
	case "odd name":
		d.Shortcodes = []string{"../shout"}
	}
	return d, nil
}

func (s ownService) Markdown(_ context.Context, in *sitepb.MarkdownRequest) (*sitepb.MarkdownResponse, error) {
	if !strings.Contains(in.Text, ":bell:") {
		return &sitepb.MarkdownResponse{}, nil
	}
	text := strings.ReplaceAll(in.Text, ":bell:", "*ding*")
	return &sitepb.MarkdownResponse{Text: &text}, nil
}

func (s ownService) Html(ctx context.Context, in *sitepb.HtmlRequest) (*sitepb.HtmlResponse, error) {
	changed := strings.Replace(in.Html, "</body>", "<p>page "+html.EscapeString(in.Page.GetUrl())+" has a plugin</p></body>", 1)
	switch s.kind {
	case "edition":
		changed = strings.Replace(in.Html, "</body>", "<p>"+in.Page.GetTitle()+", made by "+ownEdition()+" edition</p></body>", 1)
	case "slow":
		select {} // whatever ctx says
	case "slow in a site":
		if strings.Contains(in.Html, "<nav") { // as none of the samples has
			<-ctx.Done()
		}
	case "dies":
		os.Exit(7)
	case "large":
		changed = strings.Repeat("x", 100<<20)
	case "a gigabyte":
		changed = strings.Repeat("x", 1<<30)
	case "unwritten":
		return nil, status.Error(codes.Unimplemented, "not written yet")
	case "fails":
		return nil, status.Error(codes.Internal, "something broke")
	case "refuses":
		return nil, status.Error(codes.InvalidArgument, "this page is not to be had")
	}
	return &sitepb.HtmlResponse{Html: &changed}, nil
}

func (s ownService) Shortcode(_ context.Context, in *sitepb.ShortcodeRequest) (*sitepb.ShortcodeResponse, error) {
	var given struct{ Text string }
	if err := json.Unmarshal([]byte(in.ArgumentsJson), &given); err != nil || given.Text == "" && in.Body == nil {
		return nil, status.Error(codes.InvalidArgument, "shout needs a text")
	}
	if s.kind == "slow shortcode" {
		select {} // whatever ctx says
	}
	return &sitepb.ShortcodeResponse{Html: "<b>" + strings.ToUpper(html.EscapeString(given.Text+in.GetBody())) + "!</b>"}, nil
}

func (s ownService) Function(_ context.Context, in *sitepb.FunctionRequest) (*sitepb.FunctionResponse, error) {
	var given struct {
		Text, Path string
		Times      int
	}
	if err := json.Unmarshal([]byte(in.ArgumentsJson), &given); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	switch {
	case s.kind == "no JSON":
		return &sitepb.FunctionResponse{ValueJson: "{"}, nil
	case s.kind == "deeper JSON":
		return &sitepb.FunctionResponse{ValueJson: strings.Repeat(`{"a":[`, 5_000_000)}, nil
	case s.kind == "wide JSON":
		return &sitepb.FunctionResponse{ValueJson: "[" + strings.Repeat("0,", 12_000_000) + "0]"}, nil
	case s.kind == "deep JSON":
		return &sitepb.FunctionResponse{ValueJson: strings.Repeat("[", 10_000)}, nil
	case in.Name == "peek":
		text, err := os.ReadFile(given.Path)
		if err != nil {
			text = []byte("refused")
		}
		value, err := json.Marshal(string(text))
		return &sitepb.FunctionResponse{ValueJson: string(value)}, err
	case given.Text == "silence":
		return nil, status.Error(codes.InvalidArgument, "silence is not louder")
	}
	value, err := json.Marshal(map[string]any{"text": strings.ToUpper(given.Text), "times": given.Times + 1, "list": []int{1, 2}})
	return &sitepb.FunctionResponse{ValueJson: string(value)}, err
}

func (s ownService) Files(_ context.Context, in *sitepb.FilesRequest) (*sitepb.FilesResponse, error) {
	var urls []string
	for _, p := range in.Pages {
		urls = append(urls, p.Url)
	}
	added := &sitepb.FilesResponse{
		Files: []*sitepb.File{{Path: "data/pages.txt", Contents: []byte(strings.Join(urls, "\n"))}},
		Pages: []*sitepb.NewPage{{Url: "/made/", Title: "Made", Content: "<p>of a plugin</p>", ExtraJson: `{"mood":"calm"}`}},
	}
	switch s.kind {
	case "outside":
		added.Files[0].Path = "../../outside.txt"
	case "twice":
		added.Files = append(added.Files, added.Files[0])
	case "in the way":
		added.Files[0].Path = "a/index.html"
	case "many files":
		for i := range 200_000 {
			added.Files = append(added.Files, &sitepb.File{Path: strconv.Itoa(i)})
		}
	case "long name":
		added.Files[0].Path = strings.Repeat("x/", 1<<20)
	case "zero":
		added.Files[0].Path = "data/\x00.txt"
	case "no template":
		added.Pages[0].Template = "nothing.html"
	}
	return added, nil
}

func (s ownService) Check(_ context.Context, in *sitepb.CheckRequest) (*sitepb.CheckResponse, error) {
	found := &sitepb.CheckResponse{}
	for i, line := range strings.Split(in.Source, "\n") {
		if before, _, has := strings.Cut(line, "TODO"); has {
			found.Problems = append(found.Problems, &sitepb.Problem{Line: int32(i + 1), Column: int32(len(before) + 1), Length: 4, Message: "is still to do", Hint: "do it", Warning: true})
		}
		if strings.Contains(line, "FIXME") {
			found.Problems = append(found.Problems, &sitepb.Problem{Line: int32(i + 1), Column: 1, Message: "is broken"})
		}
	}
	switch s.kind {
	case "a million faults":
		found.Problems = slices.Repeat([]*sitepb.Problem{{Line: 1, Message: "is wrong"}}, 1_000_000)
	case "many faults":
		found.Problems = slices.Repeat([]*sitepb.Problem{{Line: 1, Message: "is wrong"}}, 50_000)
	case "long faults":
		found.Problems = slices.Repeat([]*sitepb.Problem{{Line: 1, Message: strings.Repeat("is wrong ", 10_000), Hint: strings.Repeat("mend it ", 10_000)}}, 100)
	}
	if s.kind == "misplaced" {
		found.Problems = []*sitepb.Problem{
			{Line: math.MaxInt32, Column: -4, Length: -1, Message: "beyond the end"}, {File: "/etc/passwd", Line: 1, Column: 1, Message: "elsewhere\x1b[31m"}, {Line: math.MinInt32, Message: ""},
		}
	}
	return found, nil
}

// registerGarbled serves an Html whose answer is no UTF-8, which the stubs do
// not let anybody send: BytesValue has bytes where HtmlResponse has a string.
func registerGarbled(r grpc.ServiceRegistrar) {
	service := ownService{kind: "sound"}
	garbled := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		return wrapperspb.Bytes([]byte("<p>\xff\xfe")), decode(new(sitepb.HtmlRequest))
	}
	desc := sitepb.SitePlugin_ServiceDesc
	desc.Methods = append([]grpc.MethodDesc{}, desc.Methods...)
	for i := range desc.Methods {
		if desc.Methods[i].MethodName == "Html" {
			desc.Methods[i].Handler = garbled
		}
	}
	r.RegisterService(&desc, service)
}

// ownSite is a site that names this test binary as its plugin shout.
func ownSite(t *testing.T, kind string, files ...string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "site")
	program, err := os.Executable()
	require.NoError(t, err)
	write(t, folder,
		".config/dodeca.kdl", fmt.Sprintf("content \"content\"\noutput \"public\"\nsearch #false\n%s", naming("shout", program, ownRole, kind)),
		"content/_index.md", "+++\ntitle = \"Home\"\n+++\nA :bell: rings. {{ shout(text=\"hey\") }}\n\n[made](/made/) [all](/data/pages.txt)\n",
		"content/a.md", "+++\ntitle = \"A\"\n+++\nfirst\n\nTODO: the rest\n",
		"templates/index.html", htmlPage(`{% set l = louder(text=section.title, times=2) %}{{ l.text }} {{ l.times }} {{ l.list | length }}{{ section.content | safe }}`),
		"templates/page.html", htmlPage(`{{ page.title }}{{ page.content | safe }}{{ page.extra.mood | default(value="") }}`),
	)
	write(t, folder, files...)
	return folder
}

func htmlPage(body string) string {
	return "<!DOCTYPE html><html lang=\"en\"><head><title>t</title></head><body>" + body + "</body></html>"
}

// naming is the configuration of a plugin.
func naming(name, program string, args ...string) string {
	text := fmt.Sprintf("plugin %q {\n    command %q\n", name, program)
	if len(args) > 0 {
		text += "    args"
		for _, arg := range args {
			text += fmt.Sprintf(" %q", arg)
		}
	}
	return text + "\n}\n"
}
