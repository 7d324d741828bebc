package sass

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bep/godartsass/v2"

	"ddc/internal/absence"
	"ddc/internal/diagnostic"
	"ddc/internal/proc"
)

const (
	// defaultTime is how long a compilation may take if its caller sets no
	// time.
	defaultTime = time.Minute
	// maxMemory is how much memory the compiler may hold. The largest style
	// sheets in use take a third of it.
	maxMemory = 512 << 20
	// memoryLook is how often that is checked. Between two checks a program can
	// take as much again.
	memoryLook = 20 * time.Millisecond
	// traceTime is how long a compilation is watched to see where it is, from
	// the first place that it comes to, and traceStart how long it may take to
	// come there: a busy machine takes seconds to start the compiler.
	traceTime  = 2 * time.Second
	traceStart = 15 * time.Second
)

// endless is the error of a compilation that does not end within its bounds.
type endless string

func (e endless) Error() string { return string(e) }

const (
	tooDeep  endless = "the Sass calls itself without end, and Dart Sass has no stack left"
	tooLarge endless = "the Sass takes more than 512 MiB of memory to compile: does a loop end, and a list or string stop growing?"
)

func tooLong(after time.Duration) endless {
	return endless(fmt.Sprintf("the Sass did not compile within %v: does each loop and function come to an end?", after.Round(time.Millisecond)))
}

// errTooLong is why a compilation's context ended when its time was over.
var errTooLong = errors.New("the time of the compilation is over")

// bounded is a context for a compilation that ends with errTooLong after the
// time given, 0 for defaultTime. It has no deadline of its own, since time in
// which this process was stopped does not count.
func bounded(ctx context.Context, most time.Duration) (context.Context, time.Duration, context.CancelFunc) {
	if most <= 0 {
		most = defaultTime
	}
	inner, cancel := context.WithCancelCause(ctx)
	limit := absence.After(most, func() { cancel(errTooLong) })
	return inner, most, func() {
		limit.Stop()
		cancel(nil)
	}
}

// held is how much memory a process holds, in bytes, or 0 if it has ended.
func held(pid int) int64 {
	resident, _, _ := proc.Memory(pid) // 0 of one that cannot be asked
	return resident
}

// whereabouts compiles once more, with a mark at each loop, function and mixin
// of the sources. It gives the place of the last mark that was passed, or none.
func whereabouts(ctx context.Context, files sources) diagnostic.Problem {
	marked, marks := files.mark()
	if len(marks) == 0 {
		return diagnostic.Problem{}
	}
	most := traceStart
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	var mu sync.Mutex
	var last diagnostic.Problem
	enough := sync.OnceFunc(func() { time.AfterFunc(traceTime, cancel) })
	c, err := start(func(event godartsass.LogEvent) {
		_, number, found := strings.Cut(event.Message, markText)
		if n, err := strconv.Atoi(number); found && err == nil && n < len(marks) {
			mu.Lock()
			defer mu.Unlock()
			last = marks[n]
			enough()
		}
	})
	if err != nil {
		return last
	}
	_, _ = c.compile(ctx, marked.args()) // it does not end any better
	_ = c.close()                        // nor does this tell anyone anything
	mu.Lock()
	defer mu.Unlock()
	return last
}

// markText begins a mark's message; a number follows.
const markText = "ddc was here "

// mark gives the sources with marks, and the place of each.
func (s sources) mark() (sources, []diagnostic.Problem) {
	marked := sources{}
	var marks []diagnostic.Problem
	for name, source := range s {
		if strings.HasSuffix(name, ".scss") {
			source, marks = markSource(name, source, marks)
		}
		marked[name] = source
	}
	return marked, marks
}

// repeated are the rules whose blocks can run without end.
var repeated = []string{"@function", "@mixin", "@while", "@for", "@each"}

// markSource puts @debug at the beginning of each block that can run again. It
// knows just enough of SCSS: where comments, strings and blocks begin and end.
// If it goes wrong, the marked source does not compile, and no place is found.
func markSource(name, source string, marks []diagnostic.Problem) (string, []diagnostic.Problem) {
	var b strings.Builder
	begun, rule := -1, 0 // where a rule began whose block is to come, and how long its name is
	inner := 0           // braces of interpolations that are open
	for i := 0; i < len(source); {
		rest := source[i:]
		width := 1
		switch {
		case strings.HasPrefix(rest, "//"):
			width = until(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			width = until(rest, "*/")
		case rest[0] == '"' || rest[0] == '\'':
			width = quotedWidth(rest)
		case strings.HasPrefix(rest, "#{"):
			inner, width = inner+1, 2
		case rest[0] == '}' && inner > 0:
			inner--
		case rest[0] == '@' && repeats(rest) > 0:
			begun, rule = i, repeats(rest)
		case rest[0] == ';':
			begun = -1
		}
		b.WriteString(rest[:width])
		if rest[0] == '{' && begun >= 0 {
			fmt.Fprintf(&b, `@debug "%s%d";`, markText, len(marks))
			mark := diagnostic.At(source, begun, begun+rule, "")
			mark.File = folder + name
			marks = append(marks, *mark)
			begun = -1
		}
		i += width
	}
	return b.String(), marks
}

// repeats is the length of the rule's name that the text begins with, if it is
// one of repeated.
func repeats(rest string) int {
	for _, rule := range repeated {
		if strings.HasPrefix(rest, rule) {
			return len(rule)
		}
	}
	return 0
}

// until is how many bytes it is to the end of the next occurrence of end.
func until(text, end string) int {
	if i := strings.Index(text, end); i >= 0 {
		return i + len(end)
	}
	return len(text)
}

// quotedWidth is the length of the string that text begins with.
func quotedWidth(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}
