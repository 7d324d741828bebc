package sass

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/plugins/sass/sasspb"
)

// Each of them does not end, and is told with the place where it does not.
func TestSassWithoutEndIsTheSitesFaultAtItsPlace(t *testing.T) {
	s := begin(t)
	const parts = "@use \"sass:list\";\n// not @function here {\n@function grow($n) {\n  @return grow($n + 1);\n}\n"
	doubles := map[string]string{entry: "a {b: c}\n$l: (\"aaaaaaaaaaaaaaaaaaaa\");\n$s: 1;" + strings.Repeat(" $l: join($l, $l);", 60) + "\n$s: 2;"}
	for name, c := range map[string]struct {
		files  map[string]string
		want   []string
		memory int64
	}{
		"function": {map[string]string{entry: "@use \"parts/f\";\na { b: f.grow(1); }\n", "parts/_f.scss": parts}, []string{"sass/parts/_f.scss:3:1: ", "calls itself without end"}, 0},
		"mixin":    {map[string]string{entry: "a { b: 'c { @mixin'; }\n@mixin m($x: \"}\") { a { @include m(\"#{$x}{\"); } }\n@include m;\n"}, []string{"sass/main.scss:2:1: ", "calls itself without end"}, 0},
		"while":    {map[string]string{entry: "/* @while { */\n$x: 1;\n a { @if true { @while $x > 0 { $x: $x + 1 !global; } } }\n"}, []string{"sass/main.scss:3:17: ", "did not compile within"}, 0},
		"for":      {map[string]string{entry: "$y: 0;\n@for $x from 1 through 100000000000 { $y: $x; }\n"}, []string{"sass/main.scss:2:1: ", "did not compile within"}, 0},
		"list":     {map[string]string{entry: "@use \"sass:list\";\n$l: \"aaaaaaaaaaaaaaaaaaaa\";\n@while list.length(($l)) > 0 { $l: $l + $l; }\n"}, []string{"sass/main.scss:3:1: ", "512 MiB"}, 0},
		"doubles":  {doubles, []string{"sass/main.scss:3:", "512 MiB"}, 0},
		"room":     {doubles, []string{"sass/main.scss:3:", "192 MiB"}, 192 << 20},
		"no room":  {doubles, []string{"sass/main.scss:3:", "128 MiB"}, 1},
		"indented": {map[string]string{entry: "@use \"x\";", "x.sass": "@while true\n  $x: 1\n"}, []string{"sass/main.scss: ", "did not compile within"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			patience := time.Minute // where something else than time runs out
			if c.want[1] == "did not compile within" {
				patience = 3 * time.Second
			}
			_, err := s.Compile(t.Context(), &sasspb.CompileRequest{Files: c.files, MostMs: patience.Milliseconds(), MostBytes: c.memory})
			for ; patience < time.Minute && (err == nil || !strings.Contains(err.Error(), c.want[0])); patience *= 2 {
				// On a busy machine the compiler had not come to that place.
				_, err = s.Compile(t.Context(), &sasspb.CompileRequest{Files: c.files, MostMs: 2 * patience.Milliseconds(), MostBytes: c.memory})
			}
			assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "dart:")
			assert.NotContains(t, err.Error(), "package:")
		})
	}
	assert.Contains(t, compile(t, s, map[string]string{entry: "a{b:c}"}), "b: c", "a new compiler goes on")
}

// A stopped process is no endless Sass: after a laptop's sleep, or while a
// build is stopped, the time of the compiler stands still too.
func TestTimeInWhichThePluginWasStoppedDoesNotCount(t *testing.T) {
	s := begin(t)
	compile(t, s, map[string]string{entry: "a{b:c}"}) // the compiler runs
	const limit, stopped = time.Second, 2 * time.Second
	var lasted time.Duration
	await.Until(t, "it to be stopped while it compiles, and not after that, as on a busy machine", func() bool {
		lasted = lastsWhileStopped(t, s, limit, stopped)
		return lasted > stopped
	})
	assert.Greater(t, lasted, stopped+limit*8/10)
}

// lastsWhileStopped is how long an endless compilation lasts while this process
// is stopped for a while.
func lastsWhileStopped(t *testing.T, s *Service, limit, stopped time.Duration) time.Duration {
	t.Helper()
	stop := exec.CommandContext(t.Context(), "sh", "-c", `kill -STOP "$1"; sleep "$2"; kill -CONT "$1"`, "sh",
		strconv.Itoa(os.Getpid()), strconv.Itoa(int(stopped.Seconds())))
	began := time.Now()
	require.NoError(t, stop.Start())
	_, err := s.Compile(t.Context(), &sasspb.CompileRequest{Files: map[string]string{entry: "@while true { $x: 1; }\n"}, MostMs: limit.Milliseconds()})
	lasted := time.Since(began)
	assert.NoError(t, stop.Wait())
	require.ErrorContains(t, err, "did not compile within "+limit.String())
	return lasted
}

func TestMarksLeaveWhatASourceMeans(t *testing.T) {
	s := begin(t)
	files := map[string]string{entry: `@use "sass:math";
@mixin wide($x: "a{b}", $y: '\'{') { @media (min-width: 40em) { @content; } }
@function half($n) { @return math.div($n, 2); } // @while {
@each $name, $size in (small: 10px, large: 30px) {
  .#{$name + "#{1 + 1}"} { width: half($size); @include wide { color: red; } }
}
@for $i from 1 through 3 { .i-#{$i} { a: url(x.png); } }
$n: 3; @while $n > 0 { .w#{$n} { b: c } $n: $n - 1; }
/* $c: 1; */ $deep-2 : (a: $n, b: "$d: 1;"); a { $e: 1; b: $e }
`}
	marked, marks := sources(files).mark()
	var places []string
	for _, mark := range marks {
		places = append(places, fmt.Sprintf("%s:%d:%d+%d", mark.File, mark.Line, mark.Col, mark.Length))
	}
	assert.Equal(t, []string{"sass/main.scss:2:1+6", "sass/main.scss:3:1+9", "sass/main.scss:4:1+5", "sass/main.scss:7:1+4", "sass/main.scss:8:1+2", "sass/main.scss:8:8+6", "sass/main.scss:9:14+7"}, places)
	assert.Equal(t, compile(t, s, files), compile(t, s, marked))
}
