package syntax_highlight

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// palettes are the colours of known themes, by name: background, text, and then
// each of inks. It is never changed.
var palettes = map[string]string{
	"catppuccin-frappe":    "#303446 #c6d0f5 #ca9ee6 #8caaee #8caaee #e78284 #a6d189 #ef9f76 #737994 #a6d189 #e78284",
	"catppuccin-latte":     "#eff1f5 #4c4f69 #8839ef #1e66f5 #1e66f5 #d20f39 #40a02b #fe640b #9ca0b0 #40a02b #d20f39",
	"catppuccin-macchiato": "#24273a #cad3f5 #c6a0f6 #8aadf4 #8aadf4 #ed8796 #a6da95 #f5a97f #6e738d #a6da95 #ed8796",
	"catppuccin-mocha":     "#1e1e2e #cdd6f4 #cba6f7 #89b4fa #89b4fa #f38ba8 #a6e3a1 #fab387 #6c7086 #a6e3a1 #f38ba8",
	"doom-one":             "#282c34 #b0c4de #c678dd #b3d23c #00b1f7 #ef8383 #98c379 #d19a66 #8a93a5 #a6e22e #b0c4de",
	"dracula":              "#282a36 #f8f8f2 #ff79c6 #50fa7b #50fa7b #8be9fd #f1fa8c #bd93f9 #6272a4 #50fa7b #ff5555",
	"friendly":             "#f0f0f0 #24292e #007020 #4070a0 #06287e #902000 #4070a0 #40a070 #60a0b0 #00a000 #a00000",
	"github-dark":          "#0d1117 #e6edf3 #ff7b72 #e6edf3 #d2a8ff #ff7b72 #a5d6ff #a5d6ff #8b949e #56d364 #ffa198",
	"github-light":         "#f7f7f7 #24292e #cf222e #1f2328 #6639ba #cf222e #0a3069 #0550ae #57606a #116329 #82071e",
	"gruvbox-dark":         "#282828 #ebdbb2 #fe8019 #b8bb26 #fabd2f #fabd2f #b8bb26 #d3869b #928374 #b8bb26 #fb4934",
	"gruvbox-light":        "#fbf1c7 #3c3836 #af3a03 #79740e #b57614 #b57614 #79740e #8f3f71 #928374 #79740e #9d0006",
	"kanagawa-dragon":      "#181616 #c5c9c5 #8992a7 #c4b28a #8ba4b0 #8ea4a2 #8a9a7b #a292a3 #737c73 #76946a #c34043",
	"kanagawa-lotus":       "#f2ecbc #545464 #624c83 #77713f #4d699b #597b75 #6f894e #b35b79 #8a8980 #6e915f #d7474b",
	"kanagawa-wave":        "#1f1f28 #dcd7ba #957fb8 #e6c384 #7e9cd8 #7aa89f #98bb6c #d27e99 #727169 #76946a #c34043",
	"modus-operandi":       "#ffffff #000000 #5317ac #000000 #721045 #005a5f #2544bb #0000c0 #505050 #000000 #000000",
	"modus-vivendi":        "#000000 #ffffff #b6a0ff #ffffff #feacd0 #6ae4b9 #79a8ff #00bcff #a8a8a8 #ffffff #ffffff",
	"monokai":              "#272822 #f8f8f2 #66d9ef #a6e22e #a6e22e #66d9ef #e6db74 #ae81ff #75715e #a6e22e #f92672",
	"monokai-light":        "#fafafa #272822 #00a8c8 #75af00 #75af00 #00a8c8 #d88200 #ae81ff #75715e #272822 #272822",
	"nord":                 "#2e3440 #d8dee9 #81a1c1 #8fbcbb #88c0d0 #81a1c1 #a3be8c #b48ead #616e87 #a3be8c #bf616a",
	"one-dark":             "#282c34 #abb2bf #c678dd #e06c75 #61afef #e5c07b #98c379 #d19a66 #7f848e #98c379 #e06c75",
	"rose-pine":            "#191724 #e0def4 #31748f #ebbcba #ebbcba #31748f #f6c177 #f6c177 #6e6a86 #9ccfd8 #eb6f92",
	"rose-pine-dawn":       "#faf4ed #575279 #286983 #d7827e #d7827e #286983 #ea9d34 #ea9d34 #9893a5 #56949f #b4637a",
	"rose-pine-moon":       "#232136 #e0def4 #3e8fb0 #ea9a97 #ea9a97 #3e8fb0 #f6c177 #f6c177 #6e6a86 #9ccfd8 #eb6f92",
	"solarized-dark":       "#002b36 #93a1a1 #719e07 #93a1a1 #268bd2 #dc322f #2aa198 #2aa198 #586e75 #719e07 #dc322f",
	"solarized-light":      "#fdf6e3 #586e75 #859900 #268bd2 #268bd2 #859900 #2aa198 #2aa198 #93a1a1 #d33682 #d33682",
	"tango":                "#f8f8f8 #24292e #204a87 #c4a000 #000000 #204a87 #4e9a06 #0000cf #8f5902 #00a000 #a40000",
	"tokyo-night-day":      "#e1e2e7 #3760bf #9854f1 #2e7de9 #2e7de9 #0db9d7 #587539 #8c6c3e #a1a6c5 #587539 #c64343",
	"tokyo-night-moon":     "#222436 #c8d3f5 #c099ff #82aaff #82aaff #4fd6be #c3e88d #ffc777 #444a73 #c3e88d #c53b53",
	"tokyo-night-storm":    "#1a1b26 #c0caf5 #bb9af7 #7aa2f7 #7aa2f7 #41a6b5 #9ece6a #e0af68 #414868 #9ece6a #db4b4b",
	"vs":                   "#ffffff #24292e #0000ff #24292e #24292e #2b91af #a31515 #24292e #008000 #24292e #24292e",
	"xcode-dark":           "#1f1f24 #ffffff #fc5fa3 #ffffff #41a1c0 #fc5fa3 #fc6a5d #d0bf69 #6c7986 #ffffff #ffffff",
	"xcode-light":          "#ffffff #24292e #a90d91 #836c28 #000000 #a90d91 #c41a16 #1c01ce #177500 #24292e #24292e",
}

// themeNames lists all themes.
func themeNames() []string {
	return append(slices.Sorted(maps.Keys(palettes)), "tokyo-night")
}

// themeOf finds a theme by its name.
func themeOf(name string) (theme, bool) {
	if name == "tokyo-night" {
		return tokyoNight().legible(), true
	}
	palette, known := palettes[name]
	if !known {
		return theme{}, false
	}
	colours := strings.Fields(palette)
	t := theme{colours[0], colours[1], map[ink]string{}}
	for i, colour := range colours[2:] {
		t.colours[inks[i]] = colour
	}
	return t.legible(), true
}

// legible makes each colour of a theme one that can be read, in marked lines
// too.
func (t theme) legible() theme {
	t.text = readable(t.text, t.background)
	t.text = readable(t.text, t.marked())
	for i, colour := range t.colours {
		t.colours[i] = readable(colour, t.marked())
	}
	return t
}

// markedShare is how much of its text's colour the background of a marked line
// has, in percent. With more, fewer colours could be read on it.
const markedShare = 8

// marked is the background of marked lines.
func (t theme) marked() string {
	behind, ink := parseColour(t.background), parseColour(t.text)
	for i := range behind {
		behind[i] += (ink[i] - behind[i]) * markedShare / 100
	}
	return behind.String()
}

// leastContrast is what people need to read small letters.
const leastContrast = 4.5

// readable takes a colour as far towards black or white as it needs to be read
// on a background.
func readable(colour, background string) string {
	behind, ink := parseColour(background), parseColour(colour)
	towards := 255.0
	if behind.luminance() > 0.18 { // what black and white are seen on alike
		towards = 0
	}
	for step := 0; step < 20 && contrast(ink, behind) < leastContrast; step++ {
		for i := range ink {
			ink[i] += (towards - ink[i]) * 0.1
		}
		for i := range ink {
			ink[i] = math.Round(ink[i])
		}
	}
	return ink.String()
}

// rgb is a colour, each part from 0 to 255.
type rgb [3]float64

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

func parseColour(text string) rgb {
	n, _ := strconv.ParseUint(text[1:], 16, 32) // the table has no others
	return rgb{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
}

// luminance is WCAG's.
func (c rgb) luminance() float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
