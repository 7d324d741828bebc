package template_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/site/template"
)

// within renders page.html within a budget.
func within(t *testing.T, budget template.Budget, sources files) (string, error) {
	t.Helper()
	set, err := template.Load(sources)
	require.NoError(t, err)
	return set.RenderPage(t.Context(), "page.html", template.Page{Vars: values(), Budget: budget})
}

const (
	tooManySteps = "this page takes more than"
	tooManyBytes = "this page makes more than"
	tooDeep      = "recursion limit exceeded"
)

// costly are templates that cost too much, and what they have too much of.
func costly() map[string]string {
	double := func(code string) string { return strings.Repeat("{% set s = "+code+" %}", 40) }
	loops := strings.Repeat("{% for x in l %}", 9) + "x" + strings.Repeat("{% endfor %}", 9)
	const ten = `{% set l = [0,1,2,3,4,5,6,7,8,9] %}`
	const long = `{% set s = "0123456789abcdef" %}`
	// grown is a text of 64 KiB, and many a list of 10000 items.
	grown := long + strings.Repeat("{% set s = s ~ s %}", 12)
	many := ten + `{% set l = l+l+l+l+l+l+l+l+l+l %}{% set l = l+l+l+l+l+l+l+l+l+l %}{% set l = l+l+l+l+l+l+l+l+l+l %}`
	forever := func(code string) string {
		return many + "{% for x in l %}{% for y in l %}" + code + "{% endfor %}{% endfor %}"
	}
	return map[string]string{
		// Texts and lists that double.
		long + double("s ~ s"):                                                                      tooManyBytes,
		long + double("s + s"):                                                                      tooManyBytes,
		long + double("[s, s] | join"):                                                              tooManyBytes,
		long + double("[s, s] | join(sep=s)"):                                                       tooManyBytes,
		ten + double("l") + strings.Repeat("{% set l = l + l %}", 40):                               tooManyBytes,
		ten + strings.Repeat("{% set l = [l, l] %}", 40) + "{{ l }}":                                tooManySteps,
		ten + strings.Repeat("{% set l = [l, l] %}", 40) + "{{ l | upper }}":                        tooManySteps,
		ten + strings.Repeat("{% set l = [l, l] %}", 40) + "{{ l | join }}":                         tooManySteps,
		ten + strings.Repeat("{% set l = [l, l] %}", 40) + "{% set m = [l[0], l[0]] %}{{ l == m }}": tooManySteps,
		ten + strings.Repeat("{% set l = [l, l] %}", 40) + "{{ [1] in l }}{{ l in [l] }}":           tooManySteps,
		ten + strings.Repeat(`{% set l = {"a": l, "b": l} %}`, 40) + "{{ l == l }}":                 tooManySteps,
		"{% set l = 1 %}" + strings.Repeat("{% set l = [l] %}", 1100) + "{{ l }}":                   tooDeep,
		"{% set l = 1 %}" + strings.Repeat("{% set l = [l] %}", 1100) + "{{ l == [l[0]] }}":         tooDeep,
		// Filters that grow or copy.
		grown + forever("{{ s }}"):                               tooManyBytes,
		grown + forever("{% set x = s | upper %}"):               tooManyBytes,
		grown + forever("{% set x = s | trim %}"):                tooManyBytes,
		grown + forever("{% set x = s | reverse %}"):             tooManyBytes,
		grown + forever("{% set x = s | split('') %}"):           tooManyBytes,
		grown + forever("{% set x = s | split('1') | length %}"): tooManyBytes,
		grown + forever("{% set x = s | slice(1) %}"):            tooManyBytes,
		grown + forever("{% set x = s | escape %}"):              tooManyBytes,
		grown + forever("{% set x = s ~ x %}"):                   tooManyBytes,
		grown + forever("{% for c in s %}{% endfor %}"):          tooManyBytes,
		forever("{% set x = l | reverse %}"):                     tooManyBytes,
		forever("{% set x = l | sort %}"):                        tooManyBytes,
		forever("{% set x = l | map('x') %}"):                    "an item is a number",
		forever("{% set x = [1,2,3,4,5,6,7,8] %}"):               tooManyBytes,
		forever(`{% set x = {"a": 1, "b": 2} %}`):                tooManyBytes,
		many + "{{ l | groupby('x') }}":                          "an item is a number",
		// Work that makes nothing.
		ten + loops:                           tooManySteps,
		forever(""):                           tooManySteps,
		forever("{% if 1 > 2 %}x{% endif %}"): tooManySteps,
		grown + forever("{% if 'xyz' in s %}x{% endif %}"):             tooManySteps,
		grown + forever("{% if s is containing('xyz') %}x{% endif %}"): tooManySteps,
		grown + forever("{% if s == s %}{% endif %}"):                  tooManySteps,
		grown + forever("{% if s[0] == 'x' %}{% endif %}"):             tooManySteps,
		grown + forever("{% if page[s] is defined %}{% endif %}"):      tooManySteps,
		forever("{% if 77 in l %}{% endif %}"):                         tooManySteps,
		// Calls.
		"{% macro m() %}{{ self::m() }}{% endmacro %}{{ self::m() }}":                                                      tooDeep,
		"{% macro m() %}{% set x = self::m() %}{% endmacro %}{% set x = self::m() %}":                                      tooDeep,
		"{% macro m(x=self::m()) %}{% endmacro %}{{ self::m() }}":                                                          tooDeep,
		"{% macro m() %}{{ self::m() }}{{ self::m() }}{% endmacro %}{{ self::m() }}":                                       tooDeep,
		"{% macro a() %}{{ self::b() }}{% endmacro %}{% macro b() %}{{ self::a() }}{% endmacro %}{{ self::a() }}":          tooDeep,
		"{% macro m(k) %}{% if k > 0 %}{{ self::m(k - 1) }}{{ self::m(k - 1) }}{% endif %}{% endmacro %}{{ self::m(40) }}": tooManySteps,
		"{% include 'page.html' %}":                            tooDeep,
		"{% include 'other.html' %}":                           tooDeep,
		"{% block a %}{% include 'page.html' %}{% endblock %}": tooDeep,
		ten + "{% for a in l %}{% for a in l %}{% for a in l %}{% for a in l %}{% for a in l %}{% for a in l %}{% include 'leaf.html' %}" + strings.Repeat("{% endfor %}", 6): tooManySteps,
	}
}

func TestAPageThatCostsTooMuchIsAFaultWithItsPlace(t *testing.T) {
	for source, want := range costly() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := within(t, template.Budget{Steps: 1_000_000, Bytes: 8 << 20}, files{"page.html": source, "other.html": "{% include 'page.html' %}", "leaf.html": "{% if 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 == 1 %}{% endif %}"})
		runtime.ReadMemStats(&after)
		var fault *diagnostic.Problem
		if assert.ErrorAs(t, err, &fault, source) {
			assert.Contains(t, fault.Error(), want, source)
			assert.Greater(t, fault.Line*fault.Col, 0, source)
			over := strings.Contains(want, "than") || want == tooDeep
			assert.Equal(t, over, errors.Is(err, template.ErrOverBudget), source)
		}
		// Builders double what they hold, and steps leave boxes behind.
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20), "what was allocated in all: %s", source)
	}
}

func TestTheDefaultBudgetHoldsATemplateOfTwoKilobytes(t *testing.T) {
	for source, want := range map[string]string{
		"{% set s = 'x' %}" + strings.Repeat("{% set s = s ~ s %}", 40):                                                                       tooManyBytes,
		"{% set l = [0,1,2,3,4,5,6,7,8,9] %}" + strings.Repeat("{% for x in l %}", 9) + "{% set x = 1 %}" + strings.Repeat("{% endfor %}", 9): tooManySteps,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := within(t, template.Budget{}, files{"page.html": source})
		runtime.ReadMemStats(&after)
		assert.ErrorContains(t, err, want)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<20), "what was allocated in all: %s", source)
	}
}

func TestTheErrorOfABudgetSaysWhichAndWhatToDo(t *testing.T) {
	for _, c := range []struct {
		budget template.Budget
		source string
		want   string
	}{
		{template.Budget{}, "{% set s = 'xx' %}\n" + strings.Repeat("{% set s = s ~ s %}\n", 40),
			"templates/page.html:25:14: this page makes more than 64 MiB of output, texts and lists (look for a text or a list that is added to itself, and for a loop that prints too much)"},
		{template.Budget{Steps: 100}, "{% for x in list %}\n{% for y in list %}{% for z in list %}{{ x }}{% endfor %}{% endfor %}{% endfor %}",
			"templates/page.html:2:39: this page takes more than 100 steps (look for loops within loops, and for what repeats itself)"},
		{template.Budget{Depth: 50}, "\n{% include 'page.html' %}",
			"templates/page.html:2:4: recursion limit exceeded: this goes more than 50 levels deep (a macro or an include calls itself without an end)"},
		{template.Budget{Bytes: 10}, "12345{{ s }}678", "templates/page.html:1:9: this page makes more than 10 bytes of output, texts and lists (look for a text or a list that is added to itself, and for a loop that prints too much)"},
	} {
		_, err := within(t, c.budget, files{"page.html": c.source})
		assert.EqualError(t, err, c.want)
		assert.ErrorIs(t, err, template.ErrOverBudget)
	}
}

func TestABudgetThatIsJustEnoughIsEnough(t *testing.T) {
	for _, source := range []string{"12345", "{{ s }}", `{{ "<" ~ 1 }}`, "{% for x in list %}{{ x }}{% endfor %}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ self::m(1) }}", "{{ list | sort | join('-') }}"} {
		fits := func(b template.Budget) bool {
			got, err := within(t, b, files{"page.html": source})
			if err == nil {
				assert.LessOrEqual(t, len(got), 100)
			}
			return err == nil
		}
		least := func(budget func(n int) template.Budget) int {
			n := 1
			for ; !fits(budget(n)); n++ {
				require.Less(t, n, 1000, source)
			}
			for more := n; more < n+20; more++ {
				assert.True(t, fits(budget(more)), "%d are enough, and %d are not: %s", n, more, source)
			}
			return n
		}
		t.Logf("%-60s %3d steps, %3d bytes, %2d levels", source,
			least(func(n int) template.Budget { return template.Budget{Steps: int64(n)} }),
			least(func(n int) template.Budget { return template.Budget{Bytes: int64(n)} }),
			least(func(n int) template.Budget { return template.Budget{Depth: n} }))
	}
	_, err := within(t, template.Budget{Bytes: 5}, files{"page.html": "12345"})
	assert.NoError(t, err)
	_, err = within(t, template.Budget{Bytes: 4}, files{"page.html": "12345"})
	assert.ErrorIs(t, err, template.ErrOverBudget)
}

// expiring is a context that ends when it was looked at so many times.
type expiring struct {
	context.Context
	looks int
}

func (c *expiring) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

func TestRenderingLooksAtItsContextWhateverItDoes(t *testing.T) {
	const many = `{% set l = [0,1,2,3,4,5,6,7,8,9] %}{% set l = l+l+l+l+l+l+l+l+l+l %}{% set l = l+l+l+l+l+l+l+l+l+l %}`
	for _, code := range []string{
		"{% for x in l %}{% for y in l %}{% endfor %}{% endfor %}",
		"{{ l | sort }}{{ l | reverse | join('-') }}{{ l | sort == l }}",
		"{% macro m() %}{{ self::m() }}{% endmacro %}{{ self::m() }}",
		"{{ (l | join) in (l | join) }}" + strings.Repeat("{{ l | join | length }}", 20),
	} {
		set, err := template.Load(files{"page.html": many + code})
		require.NoError(t, err)
		_, err = set.RenderPage(&expiring{t.Context(), 3}, "page.html", template.Page{})
		assert.ErrorIs(t, err, context.Canceled, code)
	}
}

type explosive struct{}

func (explosive) String() string { panic("a value's own fault") }

func TestAPanicStaysWithinRender(t *testing.T) {
	set, err := template.Load(files{"page.html": "{{ x }}"})
	require.NoError(t, err)
	_, err = set.Render(t.Context(), "page.html", map[string]any{"x": explosive{}}, template.Funcs{})
	assert.EqualError(t, err, "render templates/page.html: panic: a value's own fault")
	var fault *diagnostic.Problem
	assert.False(t, errors.As(err, &fault), "that is no fault of the template")
}

// hostile are sources that nest or repeat without a bound, by n.
var hostile = map[string]func(n int) string{
	"operators":     func(n int) string { return "{{ " + strings.Repeat("1+", n) + "1 }}" },
	"brackets":      func(n int) string { return "{{ " + strings.Repeat("(", n) },
	"lists":         func(n int) string { return "{{ " + strings.Repeat("[", n) + strings.Repeat("]", n) + " }}" },
	"dicts":         func(n int) string { return "{{ " + strings.Repeat(`{"a":`, n) + " }}" },
	"nots":          func(n int) string { return "{{ " + strings.Repeat("not ", n) + "1 }}" },
	"minuses":       func(n int) string { return "{{ " + strings.Repeat("-", n) + "1 }}" },
	"powers":        func(n int) string { return "{{ " + strings.Repeat("1**", n) + "1 }}" },
	"choices":       func(n int) string { return "{{ " + strings.Repeat("1 if 1 else ", n) + "1 }}" },
	"ors":           func(n int) string { return "{{ " + strings.Repeat("1 or ", n) + "1 }}" },
	"comparisons":   func(n int) string { return "{{ " + strings.Repeat("1 == ", n) + "1 }}" },
	"fields":        func(n int) string { return "{{ page" + strings.Repeat(".a", n) + " }}" },
	"items":         func(n int) string { return "{{ page" + strings.Repeat("[0]", n) + " }}" },
	"indexes":       func(n int) string { return "{{ " + strings.Repeat("page[", n) + " }}" },
	"filters":       func(n int) string { return "{{ 1" + strings.Repeat("|upper", n) + " }}" },
	"tests":         func(n int) string { return "{{ 1" + strings.Repeat(" is odd", n) + " }}" },
	"ifs":           func(n int) string { return strings.Repeat("{% if 1 %}", n) },
	"empty ifs":     func(n int) string { return strings.Repeat("{% if %}", n) },
	"fors":          func(n int) string { return strings.Repeat("{% for x in y %}", n) },
	"blocks":        func(n int) string { return strings.Repeat("{% block b %}", n) },
	"ends":          func(n int) string { return strings.Repeat("{% endif %}", n) },
	"comments":      func(n int) string { return strings.Repeat("{#", n) },
	"braces":        func(n int) string { return strings.Repeat("{{", n) },
	"raws":          func(n int) string { return "{% raw %}" + strings.Repeat("{% ", n) },
	"raws and ends": func(n int) string { return "{% raw %}" + strings.Repeat("{% x %}", n) },
	"a text":        func(n int) string { return "{{ '" + strings.Repeat("x", n) },
	"escapes":       func(n int) string { return "{{ '" + strings.Repeat(`\\n`, n) },
	"unknown tags":  func(n int) string { return strings.Repeat("{% x %}", n) },
	"unknown names": func(n int) string { return strings.Repeat("{{ x | uper }}", n) },
	"a long name":   func(n int) string { return "{{ x | " + strings.Repeat("u", n) + " }}" },
	"parameters": func(n int) string {
		return "{% macro m(" + parameters(n) + ") %}{% endmacro %}{{ self::m(" + parameters(n) + ") }}"
	},
	"imports": func(n int) string { return numbered(n, "{% import 'other.html' as a%d %}") + "{{ b::c() }}" },
	"macros":  func(n int) string { return numbered(n, "{% macro m%d() %}{% endmacro %}") + "{{ self::x() }}" },
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n / 10 {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func parameters(n int) string { return numbered(n, "p%d=1,") + "q" }

func TestHostileSourcesAreFaultsWithTheirPlaces(t *testing.T) {
	for name, source := range hostile {
		n := 50_000
		if name == "operators" {
			n = 500_000
		}
		_, err := template.Load(files{"page.html": source(n), "other.html": ""})
		var faults diagnostic.Errors
		if !assert.ErrorAs(t, err, &faults, name) {
			continue
		}
		assert.LessOrEqual(t, len(faults), 100, name)
		for _, f := range faults {
			assert.Greater(t, f.Line*f.Col, 0, name)
			assert.Less(t, len(f.Error()), 500, name)
		}
	}
	_, err := template.Load(files{"page.html": hostile["operators"](500_000)})
	assert.ErrorContains(t, err, "templates/page.html:1:2003: this expression is nested too deeply (it has more than 1000 operators in a row")
	_, err = template.Load(files{"page.html": hostile["ifs"](100_000)})
	assert.EqualError(t, err, "templates/page.html:1:1004: this if is nested too deeply (100 tags are open here; {% include %} can hold parts of it)")
}

func TestTheTagsOfASiteAreBoundedTogether(t *testing.T) {
	sources := files{}
	for i := range 20 {
		sources[fmt.Sprintf("%02d.html", i)] = "{{ [" + strings.Repeat("1,", 50_000) + "] }}"
	}
	_, err := template.Load(sources)
	var faults diagnostic.Errors
	require.ErrorAs(t, err, &faults)
	assert.Equal(t, "templates/14.html", faults[0].File)
	assert.Contains(t, faults[0].Error(), "the tags of this site's templates have more than 1500000 words together (lists as long as that belong into a data file)")
	assert.Len(t, faults, 1)
}

func TestChainsOfParentsAreBounded(t *testing.T) {
	sources := files{"000.html": "{% block b %}{% endblock %}"}
	for i := range 150 {
		sources[fmt.Sprintf("%03d.html", i+1)] = fmt.Sprintf(`{%% extends "%03d.html" %%}`, i)
	}
	_, err := template.Load(sources)
	assert.EqualError(t, err, "templates/100.html:1:1: this is the 101th template of those that extend each other in a row")
}

// The time for n and for 2n: twice as much, where nothing is quadratic.
func BenchmarkLoadHostile(b *testing.B) {
	for name, source := range hostile {
		for _, n := range []int{50_000, 100_000} {
			sources := files{"page.html": source(n), "other.html": ""}
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "-"), n), func(b *testing.B) {
				for b.Loop() {
					_, err := template.Load(sources)
					require.Error(b, err)
				}
			})
		}
	}
}

func TestALongTextOrListCostsMoreThanAShortOne(t *testing.T) {
	inSteps := []string{"s[0]", "s[-1]", "s == same", "s < same", "s is starting_with(same)", "s is containing('y')", "'y' in s", "d[s] | default(1)", "d[s] is defined", "s | split('y')", "s | slice(0, 1)", "s | slice(-1)", "s | first", "s | last", "-1 in l", "l == m", "l | sort",
		"l | reverse", "l | slice(0, 1)", "l | join", "l ~ ''", "l + l", "objects | map('a')", "objects | selectattr('a')", "objects | sort(attribute='a')",
		"objects | groupby('a')", "big == big"}
	inBytes := []string{"s ~ 1", "s + s", "s | upper", "s | title", "s | trim", "s | reverse", "s | escape", "s | split('x')", "s | slice(1)", "[1, 2] | join(sep=s)", "[s, s] | join",
		"l ~ 1", "l | upper", "l | sort", "l | reverse", "l | slice(0, 1)", "l + l", "l | join", "objects | map('a')", "objects | groupby('a')", "objects | selectattr('a')", "get_url(s)"}
	sized := func(n, width int) map[string]any {
		l, objects, big := make([]any, n), make([]any, n), map[string]any{}
		for i := range n {
			l[i], objects[i] = i, map[string]any{"a": i}
			big[fmt.Sprint(i)] = i
		}
		s := strings.Repeat("x", width*n)
		return map[string]any{"s": s, "same": strings.Clone(s), "l": l, "m": slices.Clone(l), "objects": objects, "big": big, "d": map[string]any{}}
	}
	tried := func(n, width int, source string, budget template.Budget) error {
		set, err := template.Load(files{"page.html": source})
		require.NoError(t, err)
		_, err = set.RenderPage(t.Context(), "page.html", template.Page{Vars: sized(n, width), Budget: budget,
			Funcs: template.Funcs{GetURL: func(string) (string, error) { return "", nil }}})
		return err
	}
	for _, code := range inSteps {
		source := "{% if (" + code + ") %}{% endif %}"
		assert.NoError(t, tried(2, 64, source, template.Budget{Steps: 300}), code)
		assert.ErrorIs(t, tried(400, 64, source, template.Budget{Steps: 300}), template.ErrOverBudget, code)
	}
	for _, code := range inBytes {
		source := "{% set made = " + code + " %}"
		assert.NoError(t, tried(2, 8, source, template.Budget{Bytes: 2000}), code)
		assert.ErrorIs(t, tried(400, 8, source, template.Budget{Bytes: 2000}), template.ErrOverBudget, code)
	}
}
