package svgo

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rendered draws an SVG with librsvg, 256 pixels wide.
func rendered(t *testing.T, svg string) image.Image {
	t.Helper()
	if _, err := exec.LookPath("rsvg-convert"); err != nil {
		t.Skip("drawings are compared with rsvg-convert (apt-get install librsvg2-bin): ", err)
	}
	cmd := exec.Command("rsvg-convert", "--width", "256", "--keep-aspect-ratio")
	cmd.Stdin = strings.NewReader(svg)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	require.NoError(t, cmd.Run(), complaint.String())
	picture, err := png.Decode(&out)
	require.NoError(t, err)
	return picture
}

// difference is the largest difference of two pictures in a channel, of 255.
func difference(a, b image.Image) int {
	if a.Bounds() != b.Bounds() {
		return 255
	}
	most := 0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			r1, g1, b1, a1 := a.At(x, y).RGBA()
			r2, g2, b2, a2 := b.At(x, y).RGBA()
			for _, pair := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}, {a1, a2}} {
				most = max(most, int(max(pair[0], pair[1])-min(pair[0], pair[1]))>>8)
			}
		}
	}
	return most
}

// everything uses what an optimiser could break.
const everything = `<?xml version="1.0"?>
<!DOCTYPE svg [<!ENTITY green "#00FF00">]>
<s:svg xmlns:s="http://www.w3.org/2000/svg" xmlns:l="http://www.w3.org/1999/xlink" width="200.0px" height="100px" viewBox="0,0 , 200 100" version="1.1">
  <s:style type="text/css"><![CDATA[
    .warm > .a { fill : #ff8800 ; stroke-width: 2.50px }
    #blue { stroke: rgb( 0 , 0 , 255 ) }
  ]]></s:style>
  <s:defs>
    <s:linearGradient id="1.0" gradientTransform=" rotate( 45.0 )"><s:stop offset="0.10" stop-color="#FFFFFF"/><s:stop offset="90.0%" stop-color="black"/></s:linearGradient>
    <s:g id="dot"><s:circle cx="5.0" cy="5" r="04.0"/></s:g>
  </s:defs>
  <s:rect x="0.0" y="0" width="60.00" height="1e2" fill="url(#1.0)"/>
  <s:g class="warm"><s:rect class="a" x="70" y="10" width="20" height="20" stroke="&green;"/></s:g>
  <s:path id="blue" fill="none" stroke-width="3" stroke-dasharray="5 2" d="M 70.0 40.0 c 0 0 10 0 10 10 s 10 10 20 0 L 100 50 L 100 70 h 0 l -10 , 0 z"/>
  <s:path stroke="red" stroke-width="8" stroke-linecap="round" d="M 120.0 20.0 L 120.0 20.0"/>
  <s:use l:href="#dot" transform=" translate( 120.0 , 40 )  scale(2.00)"/>
  <s:text x="100" y="90" font-size="10.0px">one <s:tspan fill="red">two</s:tspan>  three</s:text>
  <s:text x="150" y="20" font-size="8" xml:space="preserve">  a   b</s:text>
  <s:path d="M150 40 q 10 10 20 0 t 20 0 T 150 60 a 5 5 0 1 1 -10.0 0 A 5 5 0 00 150 40 M 1 1 zm 0 0 L 3 3 x 9 9"/>
  <s:polyline points=" 180,70 190 , 80.0 170 85.50 " style=" fill : none ; stroke : #0000FF "/>
</s:svg>`

func TestDrawingsLookTheSame(t *testing.T) {
	drawings := drawings(t)
	drawings["everything"] = everything
	for name, source := range drawings {
		small := optimised(t, source)
		assert.Less(t, len(small), len(source), name)
		assert.LessOrEqual(t, difference(rendered(t, source), rendered(t, small)), 1, "%s:\n%s", name, small)
	}
}

func TestDifferenceSeesAMissingDot(t *testing.T) {
	without := strings.Replace(everything, "M 120.0 20.0 L 120.0 20.0", "M 120.0 20.0", 1)
	assert.Greater(t, difference(rendered(t, everything), rendered(t, without)), 100)
}

func TestRandomPathsLookTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // the same paths each time
	var svg strings.Builder
	svg.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" fill="none" stroke="black" stroke-linecap="round">`)
	for range 300 {
		fmt.Fprintf(&svg, `<path stroke="#%06X" d="%s"/>`, random.IntN(1<<24), randomPath(random))
	}
	svg.WriteString("</svg>")
	small := optimised(t, svg.String())
	assert.Less(t, len(small), svg.Len()*95/100)
	assert.LessOrEqual(t, difference(rendered(t, svg.String()), rendered(t, small)), 4)
}

// randomPath is a path of all commands, in the ways of writing that people and
// programs have.
func randomPath(random *rand.Rand) string {
	var d strings.Builder
	number := func(limit int) {
		d.WriteString([]string{" ", ",", "  ", " , "}[random.IntN(4)])
		switch random.IntN(4) {
		case 0:
			fmt.Fprintf(&d, "%d", random.IntN(limit))
		case 1:
			fmt.Fprintf(&d, "%.3f", random.Float64()*float64(limit))
		case 2:
			fmt.Fprintf(&d, "-%d.50", random.IntN(20))
		default:
			d.WriteString("0")
		}
	}
	fmt.Fprintf(&d, "M %d %d", random.IntN(256), random.IntN(256))
	for range 1 + random.IntN(8) {
		command := "mMlLhHvVcCsSqQtTaAzZ"[random.IntN(20)]
		d.WriteByte(command)
		d.WriteByte(' ')
		limit := 256
		if command >= 'a' {
			limit = 20
		}
		first := d.Len()
		for i := range argumentsOf(command &^ 0x20) {
			switch {
			case command|0x20 == 'a' && (i == 3 || i == 4):
				fmt.Fprintf(&d, " %d", random.IntN(2))
			default:
				number(limit)
			}
			if i == 0 { // no comma in front of the first number
				text := d.String()
				d.Reset()
				d.WriteString(text[:first] + strings.TrimLeft(text[first:], " ,"))
			}
		}
	}
	return d.String()
}
