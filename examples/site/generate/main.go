// Command generate makes what the example site needs and a repository should
// not hold, or not twice: a picture, three fonts, and the scripts of the
// themes.
//
//	go run ./examples/site/generate
//
// It writes below examples/site/static, from wherever in the module it is
// started, and always the same bytes. The fonts are the Go fonts, whose licence
// lets anyone hand them on.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"

	"ddc/site/starter"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	picture, err := waves(1600, 720)
	if err != nil {
		return err
	}
	made, err := scripts()
	if err != nil {
		return err
	}
	made["images/waves.png"] = picture
	made["fonts/go-regular.ttf"] = goregular.TTF
	made["fonts/go-bold.ttf"] = gobold.TTF
	made["fonts/go-mono.ttf"] = gomono.TTF
	for name, data := range made {
		if err := write(filepath.Join(root, "examples", "site", "static", filepath.FromSlash(name)), data); err != nil {
			return err
		}
	}
	return nil
}

// scripts are those that every theme has: the search box, tables that scroll,
// and the choice of light or dark.
func scripts() (map[string][]byte, error) {
	folder, err := os.MkdirTemp("", "ddc-example-")
	if err != nil {
		return nil, fmt.Errorf("make a place for a theme: %w", err)
	}
	defer os.RemoveAll(folder)
	if err := starter.Write(folder, starter.Docs); err != nil {
		return nil, err
	}
	made := map[string][]byte{}
	for _, name := range []string{"search.js", "scroll.js", "theme.js"} {
		if made["js/"+name], err = os.ReadFile(filepath.Join(folder, "static", name)); err != nil {
			return nil, fmt.Errorf("read a theme's script: %w", err)
		}
	}
	return made, nil
}

// moduleRoot finds the folder of go.mod, upwards from the working directory.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", fmt.Errorf("find the module: no go.mod here or above; run this inside the repository")
		}
		folder = parent
	}
}

// write replaces a file, whole or not at all, and only when it differs, so that
// it keeps its time.
func write(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	// The process's id keeps two that run at once out of each other's way.
	fresh := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	defer os.Remove(fresh)
	if err := os.WriteFile(fresh, data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// waves draws the rings of two bells as they meet, in the colours of dusk.
func waves(width, height int) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			left := ripple(float64(x)-0.24*float64(width), float64(y)-0.62*float64(height))
			right := ripple(float64(x)-0.81*float64(width), float64(y)-0.38*float64(height))
			dusk := 1 - float64(y)/float64(height)
			img.SetRGBA(x, y, shade(0.30+0.30*dusk+0.26*(left+right)))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode the picture: %w", err)
	}
	return b.Bytes(), nil
}

// ripple is the height of a wave at a distance from its bell, from -1 to 1.
func ripple(dx, dy float64) float64 {
	distance := math.Hypot(dx, dy)
	return math.Cos(distance/17) * math.Exp(-distance/420)
}

// stops are the picture's colours, from the darkest to the brightest.
var stops = [...][3]float64{{24, 17, 20}, {74, 32, 36}, {164, 74, 43}, {236, 164, 88}, {255, 233, 196}}

// shade turns a brightness from 0 to 1 into a colour between two stops.
func shade(brightness float64) color.RGBA {
	at := min(max(brightness, 0), 0.9999) * float64(len(stops)-1)
	i, part := int(at), at-math.Floor(at)
	channel := func(c int) uint8 { return uint8(math.Round(stops[i][c]*(1-part) + stops[i+1][c]*part)) }
	return color.RGBA{R: channel(0), G: channel(1), B: channel(2), A: 255}
}
