package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each fault of a site is told with its file, and its line where there is one;
// the program ends with 1, and the last good output stays as it was.
func TestFaultOfTheSiteIsNamedAndTheLastOutputStays(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"front matter":        {[]string{"content/bad.md", "+++\ntitle = \"x\nweight = 1\n+++\ntext"}, "content/bad.md:2"},
		"front matter's end":  {[]string{"content/bad.md", "+++\ntitle = \"x\"\ntext"}, "content/bad.md:1"},
		"YAML front matter":   {[]string{"content/bad.md", "---\ntitle: [\n---\ntext"}, "content/bad.md:"},
		"template syntax":     {[]string{"templates/page.html", "<p>\n{% for %}"}, "templates/page.html:2"},
		"unknown variable":    {[]string{"templates/page.html", "\n{{ pgae.title }}"}, "templates/page.html:2"},
		"unknown filter":      {[]string{"templates/page.html", "{{ page.title | uper }}"}, "templates/page.html:1"},
		"missing template":    {[]string{"content/bad.md", "+++\ntitle = \"x\"\ntemplate = \"special.html\"\n+++\ntext"}, "special.html"},
		"SCSS":                {[]string{"sass/main.scss", "body {\n  color: $nowhere;\n}"}, "sass/main.scss:2"},
		"CSS":                 {[]string{"static/bad.css", "a { color: red;\n"}, "static/bad.css"},
		"SVG":                 {[]string{"static/bad.svg", "<svg>\n<g></svg>"}, "static/bad.svg:2"},
		"PNG":                 {[]string{"static/bad.png", "\x89PNG\r\n\x1a\nnothing"}, "static/bad.png"},
		"link to no page":     {[]string{"content/bad.md", "+++\ntitle = \"x\"\n+++\n\n[a](@/guide/frist-steps.md)"}, "content/bad.md:5"},
		"data":                {[]string{"data/bad.toml", "a = \n"}, "data/bad.toml:1"},
		"configuration":       {[]string{".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nmax_text_mib \"x\"\n"}, ".config/dodeca.kdl:3"},
		"strategy":            {[]string{".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nwake \"drums\"\n"}, `unknown strategy "drums"`},
		"output over sources": {[]string{".config/dodeca.kdl", "content \"content\"\noutput \"content\"\n"}, "output"},
	} {
		t.Run(name, func(t *testing.T) {
			site := smallSite(t)
			o := ddc(t, "build", site, "--transport", "inproc")
			require.Zero(t, o.code, o.stderr)
			before := tree(t, filepath.Join(site, "public"))
			nothingLeft(t, site)
			write(t, site, c.files...)
			o = ddc(t, "build", site)
			assert.Equal(t, exitSite, o.code, o.stderr)
			assert.Contains(t, o.stderr, c.want)
			assert.Empty(t, o.stdout)
			assert.Equal(t, before, tree(t, filepath.Join(site, "public")))
		})
	}
}

func TestAllFaultsOfAPhaseAreToldAtOnce(t *testing.T) {
	site := smallSite(t)
	write(t, site, "content/a.md", "+++\ntitle = \n+++\n", "content/b.md", "+++\nweight = \"heavy\"\n+++\n")
	o := ddc(t, "build", site)
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "content/a.md:2")
	assert.Contains(t, o.stderr, "content/b.md:2")
	assert.Contains(t, o.stderr, "2 errors")
}

func TestMissingConfigurationSaysWhatToDo(t *testing.T) {
	o := ddc(t, "build", t.TempDir())
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "no configuration found")
	assert.Contains(t, o.stderr, `content "content"`)
}

func TestBrokenLinkIsAWarningAndAnErrorWhenStrict(t *testing.T) {
	site := smallSite(t)
	write(t, site, "content/dead.md", "+++\ntitle = \"x\"\n+++\n\n[nowhere](/no/such/page/)\n")
	o := ddc(t, "build", site)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "warning: content/dead.md:5")
	assert.Contains(t, o.stderr, "/no/such/page/")
	o = ddc(t, "build", site, "--strict")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "error: content/dead.md:5")
}

func TestForeignOutputFolderIsNotReplaced(t *testing.T) {
	site := smallSite(t)
	precious := filepath.Join(site, "public", "precious.txt")
	write(t, site, "public/precious.txt", "keep me")
	o := ddc(t, "build", site)
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "was not made by ddc")
	assert.FileExists(t, precious)
	assert.Equal(t, exitSite, ddc(t, "clean", site).code)
	assert.FileExists(t, precious)
}

func TestLinkOutOfTheProjectIsRefused(t *testing.T) {
	site := smallSite(t)
	secret := filepath.Join(t.TempDir(), "secret.txt")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(site, "static", "stolen.txt")))
	o := ddc(t, "build", site)
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "stolen.txt")
	assert.NoDirExists(t, filepath.Join(site, "public"))
}

func TestUnreadableFolderAndFullDiskAreToldAndLeaveNothing(t *testing.T) {
	t.Run("unreadable", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root reads everything")
		}
		site := smallSite(t)
		require.NoError(t, os.Chmod(filepath.Join(site, "content", "guide"), 0))
		o := ddc(t, "build", site)
		assert.Equal(t, exitSite, o.code)
		assert.Contains(t, o.stderr, "permission denied")
		require.NoError(t, os.Chmod(filepath.Join(site, "content", "guide"), 0o700))
	})
	t.Run("output in a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		o := ddc(t, "build", smallSite(t), "-o", filepath.Join(file, "out"))
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, "not a directory")
	})
	t.Run("full disk", func(t *testing.T) {
		disk := t.TempDir()
		if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
			t.Skipf("no small disk to fill: %v", err)
		}
		t.Cleanup(func() { require.NoError(t, unix.Unmount(disk, 0)) })
		o := ddc(t, "build", smallSite(t), "-o", filepath.Join(disk, "out"))
		assert.Equal(t, exitMachinery, o.code)
		assert.Contains(t, o.stderr, "no space left on device")
		entries, err := os.ReadDir(disk)
		require.NoError(t, err)
		assert.Empty(t, entries)
	})
}
