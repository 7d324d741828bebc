package content

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRouteFollowsFromThePath(t *testing.T) {
	for source, want := range map[string]Node{
		"_index.md":       {Route: "/", Section: true},
		"a.md":            {Route: "/a"},
		"a/_index.md":     {Route: "/a", Section: true},
		"a/b-c.md":        {Route: "/a/b-c"},
		"a/not_index.md":  {Route: "/a/not_index"},
		"a/b/c/_index.md": {Route: "/a/b/c", Section: true},
	} {
		want.Path = source
		assert.Equal(t, &want, NewNode(source))
	}
	assert.Equal(t, "/a/", NewNode("a.md").URL())
	assert.Equal(t, "a/index.html", NewNode("a.md").Output())
	assert.Equal(t, "/", NewNode("_index.md").URL())
	assert.Equal(t, "index.html", NewNode("_index.md").Output())
}

func TestTitleIsMadeOfTheName(t *testing.T) {
	for source, want := range map[string]string{"hello-world.md": "Hello World", "a/_index.md": "A", "_index.md": "Home", "über_uns.md": "Über Uns"} {
		assert.Equal(t, want, TitleOf(source))
	}
}

func TestTreeHangsPagesOnTheNearestSection(t *testing.T) {
	var nodes []*Node
	for _, source := range []string{"_index.md", "guide/_index.md", "guide/deep/er/page.md", "guidebook.md", "guide/a.md"} {
		nodes = append(nodes, NewNode(source))
	}
	root, clashes := Grow(nodes)
	assert.Empty(t, clashes)
	require.Len(t, root.Sections, 1)
	guide := root.Sections[0]
	assert.Len(t, guide.Pages, 2)
	assert.Equal(t, []*Node{guide, root}, []*Node{guide.Pages[0].Parent, guide.Parent})
	require.Len(t, root.Pages, 1, "a name that only begins alike is no child")
	assert.Equal(t, "/guidebook", root.Pages[0].Route)
}

func TestPlacesOfALinkAreThoseOfTheWholeAddress(t *testing.T) {
	source := "see /a/b\n[x](/a) and [y](/a/b)\n<img src=\"/a\">\n[r]: /a\n"
	f := NewFinder(source)
	for range 2 * fewQuestions { // by searching, and by the index
		clear(f.links)
		clear(f.firsts)
		assert.Equal(t, []Place{{2, 5}, {3, 11}, {4, 6}}, f.Links("/a"))
		assert.Empty(t, f.Links("/b"))
		assert.Empty(t, f.Links(""))
		assert.Equal(t, 3, f.First("<img").Line)
		assert.Zero(t, f.First("<video"))
	}
	assert.NotNil(t, f.index)
}

// Markdown makes links of addresses in the text, and of what is no ASCII.
func TestAWholeAddressIsALinkByItself(t *testing.T) {
	f := NewFinder("https://x.org/a and (https://x.org/b).\n| https://x.org/c#d | www.x.org/e *https://x.org/f*\nnot-https://x.org/a https://x.org/a/b https://x.org/bc [ü](/ü)")
	for url, want := range map[string][]Place{
		"https://x.org/a": {{1, 1}}, "https://x.org/b": {{1, 22}}, "https://x.org/c#d": {{2, 3}}, "http://www.x.org/e": {{2, 23}},
		"https://x.org/f": {{2, 36}}, "https://x.org": nil, "/%C3%BC": {{3, 60}}, "/a": nil,
	} {
		assert.Equal(t, want, f.Links(url), url)
	}
}

func TestTextSaysWhereItIsNone(t *testing.T) {
	text, _, _, ok := Text([]byte("\ufeffhällo"))
	assert.True(t, ok)
	assert.Equal(t, "hällo", text)
	_, line, col, ok := Text([]byte("one\ntwö\xff"))
	assert.False(t, ok)
	assert.Equal(t, [2]int{2, 4}, [2]int{line, col})
}

func TestScanFollowsLinksWithinAndNamesAllOthers(t *testing.T) {
	folder := t.TempDir()
	static := filepath.Join(folder, "static")
	require.NoError(t, os.MkdirAll(filepath.Join(static, "real"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(static, "real", "file"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(static, ".hidden"), nil, 0o600))
	for name, target := range map[string]string{"link": "real", "outside": "/etc/passwd", "nowhere": "gone", "up": ".."} {
		require.NoError(t, os.Symlink(target, filepath.Join(static, name)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(static, "pipe"), 0o600))
	project, err := Open(folder)
	require.NoError(t, err)
	defer project.Close()

	files, faults := project.Scan("static", Visible)
	var names, wrong []string
	for _, f := range files {
		names = append(names, f.Path)
	}
	for _, f := range faults {
		wrong = append(wrong, f.Name+": "+f.Message)
	}
	assert.Equal(t, []string{"link/file", "real/file"}, names)
	assert.ElementsMatch(t, []string{
		"static/outside: is a symbolic link that leads out of the project",
		"static/nowhere: is a symbolic link that leads nowhere",
		"static/up/static: is a link to a folder that it lies in",
		"static/pipe: is not a file but a pipe",
	}, wrong)
	data, err := project.ReadFile(files[0], 1<<20)
	require.NoError(t, err)
	assert.Equal(t, "x", string(data))

	found, err := project.Find("static/link/file")
	require.NoError(t, err)
	data, err = project.ReadFile(found, 1<<20)
	require.NoError(t, err)
	assert.Equal(t, "x", string(data))
	for _, name := range []string{"static/outside", "static/nowhere", "static/pipe", "static", "static/none", "../" + filepath.Base(folder) + "x"} {
		_, err := project.Find(name)
		assert.Error(t, err, name)
	}

	// A file that has become something else meanwhile holds nothing up.
	require.NoError(t, os.Remove(filepath.Join(static, "real", "file")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(static, "real", "file"), 0o600))
	_, err = project.ReadFile(files[1], 1<<20)
	assert.ErrorContains(t, err, "not a regular file any more")
}

func TestFolderThatIsNoneHasNoFilesOrIsAFault(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(filepath.Join(folder, "gone"))
	assert.ErrorContains(t, err, "open the project")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "static"), nil, 0o600))
	project, err := Open(folder)
	require.NoError(t, err)
	defer project.Close()
	files, faults := project.Scan("data", Visible)
	assert.Empty(t, files)
	assert.Empty(t, faults)
	_, faults = project.Scan("static", Visible)
	assert.Equal(t, []Fault{{"static", "is not a folder", "move the file away"}}, faults)
	_, faults = project.Scan("../static", Visible)
	assert.Empty(t, faults, "what is not there is not there")
	_, faults = project.Scan("..", Visible)
	assert.Equal(t, []Fault{{"..", "is a symbolic link that leads out of the project", "copy the file into the project"}}, faults)
}

func TestNameThatIsNoTextAndSocketsAreFaults(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "s"), 0o777))
	if err := os.WriteFile(filepath.Join(folder, "s", "a\xff"), nil, 0o600); err != nil {
		t.Skip("this file system takes only UTF-8: ", err)
	}
	socket, err := net.Listen("unix", filepath.Join(folder, "s", "b"))
	require.NoError(t, err)
	defer socket.Close()
	project, err := Open(folder)
	require.NoError(t, err)
	defer project.Close()
	_, faults := project.Scan("s", Visible)
	assert.ElementsMatch(t, []Fault{
		{"s/a\ufffd", "has a name that is not UTF-8", "rename it"},
		{"s/b", "is not a file but a socket", "move it out of the site"},
	}, faults)
}

func TestFileThatGrowsWhileItIsReadIsReadWhole(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a"), []byte("x"), 0o600))
	project, err := Open(folder)
	require.NoError(t, err)
	defer project.Close()
	files, _ := project.Scan(".", Visible)
	require.Len(t, files, 1)
	long := bytes.Repeat([]byte("long"), 10_000)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a"), long, 0o600))
	data, err := project.ReadFile(files[0], 1<<20)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(long, data))
}

func TestSiblingsAreSortedByWeightThenTitleThenRoute(t *testing.T) {
	nodes := []*Node{
		{Path: "d.md", Route: "/d", Title: "B"}, {Path: "c.md", Route: "/c", Title: "A", Weight: 1},
		{Path: "b.md", Route: "/b", Title: "B"}, {Path: "a.md", Route: "/a", Title: "Z", Weight: -1},
	}
	root, _ := Grow(nodes)
	var routes []string
	for _, n := range root.Pages {
		routes = append(routes, n.Route)
	}
	assert.Equal(t, []string{"/a", "/b", "/d", "/c"}, routes)
	assert.Equal(t, "Home", root.Title, "a root that nobody wrote")
}

func TestFileOfMoreBytesThanMayBeReadIsNotRead(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "a.md")
	require.NoError(t, os.WriteFile(file, []byte("12345"), 0o600))
	project, err := Open(folder)
	require.NoError(t, err)
	defer project.Close()
	files, _ := project.Scan(".", Visible)
	require.Len(t, files, 1)
	data, err := project.ReadFile(files[0], 5)
	require.NoError(t, err)
	assert.Equal(t, "12345", string(data))
	_, err = project.ReadFile(files[0], 4)
	assert.Equal(t, &TooLarge{5}, err)

	// A sparse file takes no room, and would take all memory.
	require.NoError(t, os.Truncate(file, 20<<30))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = project.ReadFile(files[0], 64<<20)
	runtime.ReadMemStats(&after)
	assert.Equal(t, &TooLarge{20 << 30}, err)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "nothing was read")
}

// endless is a file that grows as fast as it is read.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

func TestFileThatGrowsWithoutEndIsReadToTheBound(t *testing.T) {
	file := &endless{}
	_, err := readAtMost(file, 10, 1000)
	assert.Equal(t, &TooLarge{1001}, err)
	assert.EqualValues(t, 1001, file.read)
}

func TestPlacesOnALongLineAreCountedInCharacters(t *testing.T) {
	for _, blank := range []int{0, 1, stride - 8, stride, 3*stride + 5} {
		filling := strings.Repeat("é", blank)
		f := NewFinder("é\n" + filling + "(/a) (/b)")
		assert.Equal(t, []Place{{2, blank + 2}}, f.Links("/a"))
		assert.Equal(t, []Place{{2, blank + 7}}, f.Links("/b"))
	}
	assert.Empty(t, NewFinder("").Links("/a"))
}

// BenchmarkFinder shows the time for n and 2n links of one source.
func BenchmarkFinder(b *testing.B) {
	for _, n := range []int{10_000, 20_000} {
		var source strings.Builder
		for i := range n {
			fmt.Fprintf(&source, "[a](/dead-%d) ", i)
		}
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				f := NewFinder(source.String())
				for i := range n {
					f.Links(fmt.Sprintf("/dead-%d", i))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/link")
		})
	}
}
