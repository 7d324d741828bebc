package main

import (
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/memory"
	"ddc/internal/tool"
)

// envPhotos is how many photographs of 24 megapixels are to be built within 1
// GiB. `make chaos` has forty.
const envPhotos = "DDC_CHAOS_PHOTOS"

// photograph writes a JPEG with what cameras make: smooth areas, some noise,
// 4:2:0.
func photograph(t *testing.T, file string, width, height, seed int) {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	noise := uint32(seed + 1)
	wave := make([]int, width)
	for x := range wave {
		wave[x] = int(90 * math.Sin(float64(x)/float64(200+seed)))
	}
	for y := range height {
		for x := range width {
			noise = noise*1664525 + 1013904223
			m.Y[y*m.YStride+x] = byte(128 + wave[x]*(y%1000-500)/600 + int(noise>>28))
		}
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = byte(100+i/m.CStride%60), byte(110+i%m.CStride/64)
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, jpeg.Encode(f, m, &jpeg.Options{Quality: 88}))
	require.NoError(t, f.Close())
}

func photoSite(t *testing.T, photos, width, height int) string {
	t.Helper()
	site := smallSite(t)
	var page strings.Builder
	page.WriteString("+++\ntitle = \"Photographs\"\n+++\n\n")
	for i := range photos {
		name := fmt.Sprintf("photo%02d.jpg", i)
		photograph(t, filepath.Join(site, "static", name), width, height, i)
		fmt.Fprintf(&page, "![one](/%s)\n\n", name)
	}
	write(t, site, "content/photos.md", page.String())
	return site
}

// A variant that does not fit is left out, and said; everything else is byte
// for byte what it is with more memory.
func TestBuildKeepsWithinItsMemory(t *testing.T) {
	photos, width, height, limit := 2, 1800, 1200, "400MiB"
	if n := number(t, envPhotos, 0); n > 0 {
		photos, width, height, limit = n, 6000, 4000, "1GiB"
	} else if testing.Short() {
		t.Skip("minutes under the race detector")
	}
	site := photoSite(t, photos, width, height)
	output := filepath.Join(t.TempDir(), "out")
	c := startBuild(t, nil, site, "-o", output, "--no-code-exec", "--json", "--memory-limit", limit)
	<-c.ended
	require.Zero(t, c.ProcessState.ExitCode(), c.stdout.String()+c.stderr.String())
	r := decodeReport(t, outcome{stdout: c.stdout.String()})
	bytes, err := memory.Parse(limit)
	require.NoError(t, err)
	t.Logf("%d photographs of %d x %d in %d ms within %s: %d MB at most, %d warnings", photos, width, height, r.DurationMS, limit, r.PeakMemory/1e6, len(r.Warnings))
	assert.Greater(t, r.PeakMemory, int64(50e6))
	assert.Less(t, r.PeakMemory, bytes)
	for _, p := range r.Plugins {
		assert.Zero(t, p.Restarts, p.Name)
	}
	for _, w := range r.Warnings {
		assert.Regexp(t, `has no (image/\w+ variant|variants) of width \d+: that takes some \d+ MB of memory`, w.Message)
	}
	page, err := os.ReadFile(filepath.Join(output, "photos", "index.html"))
	require.NoError(t, err)
	assert.Equal(t, photos, strings.Count(string(page), "<picture>"))
	if photos > 2 {
		return
	}
	o := ddc(t, "build", site, "-o", output+"-all", "--no-code-exec", "--json")
	require.Zero(t, o.code, o.stdout+o.stderr)
	assert.Empty(t, decodeReport(t, o).Warnings)
	all, some := tree(t, output+"-all"), tree(t, output)
	missing := 0
	for _, w := range r.Warnings {
		missing++
		if strings.Contains(w.Message, "has no variants") { // in either format
			missing++
		}
	}
	assert.NotZero(t, missing)
	assert.Len(t, all, len(some)+missing)
	for file, hash := range some {
		if strings.HasSuffix(file, ".webp") || strings.HasSuffix(file, ".jxl") {
			assert.Equal(t, all[file], hash, file)
		}
	}
}

// The words of a large site do not fit beside the rest. What the kernel then
// ends is Pagefind, here a program in its place that takes all there is.
func TestSearchThatDoesNotFitSaysWhatThereIsAndWhatToDo(t *testing.T) {
	inOtherProcesses(t)
	tools := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(tools, "pagefind_extended"), []byte("#!/bin/sh\nexec awk 'BEGIN { s = \"x\"; while (1) s = s s }'\n"), 0o755))
	t.Setenv(tool.FolderVariable, tools)
	site := smallSite(t)
	output := filepath.Join(site, "public")
	c := startBuild(t, nil, site, "-v", "--no-code-exec", "--memory-limit", "256MiB", "--no-cache")
	<-c.ended
	said := c.stdout.String() + c.stderr.String()
	if strings.Contains(said, "kept by the processes, not by the kernel") {
		t.Skip("the limit of memory is not the kernel's to keep here")
	}
	assert.Equal(t, exitSite, c.ProcessState.ExitCode(), said)
	assert.Contains(t, said, "needs more memory than there is, of which the build may take 268.4 MB in all: ")
	assert.Contains(t, said, "pagefind_extended: signal: killed: memory ran out, so that the kernel has ended a process")
	assert.Contains(t, said, "--no-search")
	assert.NoDirExists(t, output)
}

func TestLimitsThatMakeNoSenseAreRefused(t *testing.T) {
	for flags, want := range map[string]string{
		"--memory-limit=much":         `--memory-limit: "much" is no size`,
		"--memory-limit=1MiB":         "is too little: a build needs 256 MiB",
		"--call-timeout=soon":         `--call-timeout: "soon" is no time`,
		"--call-timeout=-1s":          "is no time",
		"--call-timeout=fnts=1m":      `unknown plugin "fnts" (did you mean fonts?)`,
		"--call-timeout=1m,2m":        "both to be the time of all plugins",
		"--call-timeout=1m,fonts=now": `"now" is no time`,
		"--replicas=minify":           `--replicas: "minify" is no NAME=N`,
		"--replicas=minify=two":       "is no NAME=N",
		"--replicas=minfy=2":          `unknown plugin "minfy" (did you mean minify?)`,
		"--replicas=minify=0":         "minify=0: a plugin has at least one process",
		"--replicas=html=2,html=3":    "html is given twice",
		"--replicas=linkcheck=2":      "linkcheck has one process only: it keeps the pace",
		"--replicas=minify=10":        "that is 9 processes beyond one of each plugin, and there are places for 8",
		"--replicas=css=9999999":      "and there are places for 8",
	} {
		o := ddc(t, "build", "--transport", "inproc", flags, smallSite(t))
		assert.Equal(t, exitUsage, o.code, flags)
		assert.Contains(t, o.stderr, want)
	}
	o := ddc(t, "build", "--memory-limit", "512MiB", "--replicas", "minify=3", smallSite(t))
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "a memory limit of 536.9 MB has room for 1")
}
