package svgo

import (
	"math"
	"strconv"

	"github.com/tdewolff/minify/v2/svg"
	tokens "github.com/tdewolff/parse/v2"
)

// shortPath shortens path data. The library's result is parsed again, and used
// only if it draws the same segments. The library drops segments without
// length, which a round line cap shows as a dot, and it may make anything of a
// broken path.
func shortPath(d string) string {
	before, ok := segments(d)
	if !ok {
		return d
	}
	short := string(svg.NewPathData(&svg.Minifier{Precision: 0}).ShortenPathData([]byte(d)))
	after, ok := segments(short)
	if !ok || len(short) >= len(d) || !sameSegments(before, after) {
		return d
	}
	return short
}

// segment is a part of a path in absolute coordinates: M, L, C, Q, A or Z, with
// its control points, radii and flags, and the end point last.
type segment struct {
	command byte
	values  []float64
}

// argumentsOf is how many numbers a command takes.
func argumentsOf(command byte) int {
	switch command {
	case 'M', 'L', 'T':
		return 2
	case 'H', 'V':
		return 1
	case 'C':
		return 6
	case 'S', 'Q':
		return 4
	case 'A':
		return 7
	}
	return 0
}

// segments reads path data. It returns false if a browser would stop somewhere
// in it.
func segments(d string) ([]segment, bool) {
	r := pathReader{rest: d}
	var list []segment
	var pen pen
	for {
		command, ok := r.command()
		if !ok || len(list) == 0 && !r.done && command|0x20 != 'm' {
			return nil, false
		}
		if r.done {
			return list, true
		}
		upper, relative := command&^0x20, command >= 'a'
		for first := true; first || r.more(); first = false {
			values, ok := r.arguments(upper)
			if !ok {
				return nil, false
			}
			list = append(list, pen.draw(upper, relative, values))
			if upper == 'M' {
				upper = 'L' // pairs after the first are lines
			}
			if upper == 'Z' {
				break
			}
		}
	}
}

// pathReader takes path data apart.
type pathReader struct {
	rest string
	done bool
}

func (r *pathReader) skip(comma bool) {
	for r.rest != "" {
		switch c := r.rest[0]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f':
		case c == ',' && comma:
			comma = false
		default:
			return
		}
		r.rest = r.rest[1:]
	}
}

// command reads the next letter. At the end it sets done.
func (r *pathReader) command() (byte, bool) {
	r.skip(false)
	if r.rest == "" {
		r.done = true
		return 0, true
	}
	command := r.rest[0]
	r.rest = r.rest[1:]
	return command, argumentsOf(command&^0x20) > 0 || command&^0x20 == 'Z'
}

// more reports whether another set of arguments follows.
func (r *pathReader) more() bool {
	ahead := *r
	ahead.skip(true)
	return tokens.Number([]byte(ahead.rest)) > 0
}

func (r *pathReader) arguments(command byte) ([]float64, bool) {
	values := make([]float64, argumentsOf(command))
	for i := range values {
		r.skip(true)
		length := tokens.Number([]byte(r.rest))
		if command == 'A' && (i == 3 || i == 4) { // a flag is one digit, even if others follow at once
			length = min(length, 1)
			if length == 1 && r.rest[0] != '0' && r.rest[0] != '1' {
				return nil, false
			}
		}
		if length == 0 {
			return nil, false
		}
		value, err := strconv.ParseFloat(r.rest[:length], 64)
		if err != nil {
			return nil, false
		}
		values[i], r.rest = value, r.rest[length:]
	}
	return values, true
}

// point is a place in the drawing.
type point struct{ x, y float64 }

// pen is where drawing goes on, and the control point from which smooth curves
// go on.
type pen struct {
	at, start   point
	cubic, quad point // last control point of a curve of that kind
	wasC, wasQ  bool
}

// draw makes an absolute segment of a command and moves on.
func (p *pen) draw(command byte, relative bool, v []float64) segment {
	if relative {
		p.makeAbsolute(command, v)
	}
	var s segment
	switch command {
	case 'Z':
		s = segment{'Z', nil}
		p.at = p.start
	case 'M', 'L':
		s = segment{command, v}
	case 'H':
		s = segment{'L', []float64{v[0], p.at.y}}
	case 'V':
		s = segment{'L', []float64{p.at.x, v[0]}}
	case 'C', 'Q', 'A':
		s = segment{command, v}
	case 'S':
		c := p.at
		if p.wasC {
			c = point{2*p.at.x - p.cubic.x, 2*p.at.y - p.cubic.y}
		}
		s = segment{'C', append([]float64{c.x, c.y}, v...)}
	case 'T':
		c := p.at
		if p.wasQ {
			c = point{2*p.at.x - p.quad.x, 2*p.at.y - p.quad.y}
		}
		s = segment{'Q', append([]float64{c.x, c.y}, v...)}
	}
	p.wasC, p.wasQ = s.command == 'C', s.command == 'Q'
	if p.wasC {
		p.cubic = point{s.values[2], s.values[3]}
	}
	if p.wasQ {
		p.quad = point{s.values[0], s.values[1]}
	}
	before := p.at
	if n := len(s.values); n > 0 {
		p.at = point{s.values[n-2], s.values[n-1]}
	}
	if command == 'M' {
		p.start = p.at
	}
	return s.straightened(before)
}

func (p *pen) makeAbsolute(command byte, v []float64) {
	switch command {
	case 'H':
		v[0] += p.at.x
	case 'V':
		v[0] += p.at.y
	case 'A':
		v[5], v[6] = v[5]+p.at.x, v[6]+p.at.y
	default:
		for i := range v {
			if i%2 == 0 {
				v[i] += p.at.x
			} else {
				v[i] += p.at.y
			}
		}
	}
}

// straightened turns a curve into a line if its control points lie on its ends.
func (s segment) straightened(from point) segment {
	if s.command != 'C' && s.command != 'Q' {
		return s
	}
	n := len(s.values)
	end := point{s.values[n-2], s.values[n-1]}
	for i := 0; i < n-2; i += 2 {
		if c := (point{s.values[i], s.values[i+1]}); !near(c, from) && !near(c, end) {
			return s
		}
	}
	return segment{'L', s.values[n-2:]}
}

func near(a, b point) bool { return same(a.x, b.x) && same(a.y, b.y) }

// same allows for the rounding when relative coordinates are added up: a ten
// millionth of a unit, or of the number if it is large.
func same(a, b float64) bool {
	return math.Abs(a-b) <= 1e-7*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

func sameSegments(a, b []segment) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].command != b[i].command || len(a[i].values) != len(b[i].values) {
			return false
		}
		for j := range a[i].values {
			if !same(a[i].values[j], b[i].values[j]) {
				return false
			}
		}
	}
	return true
}
