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
	"ddc/internal/markup"
	"ddc/internal/proc"
)

const (
	// defaultTime is how long a compilation may take if its caller sets no
	// time.
	defaultTime = time.Minute
	// maxMemory is how much memory the compiler may hold if its caller does not
	// say less. The largest style sheets in use take a third of it. With less
	// than leastMemory it does not come far.
	maxMemory, leastMemory = 512 << 20, 128 << 20
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
	noMemory endless = "the Sass takes more memory to compile than there is: does a loop end, and a list or string stop growing?"
)

func tooLarge(most int64) endless {
	return endless(fmt.Sprintf("the Sass takes more than %d MiB of memory to compile: does a loop end, and a list or string stop growing?", most>>20))
}

// memoryFor is how much memory a compilation may take, of as much as its caller
// says, 0 for nothing said.
func memoryFor(most int64) int64 {
	if most <= 0 {
		return maxMemory
	}
	return min(max(most, leastMemory), maxMemory)
}

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

// whereabouts compiles once more, with a mark at each loop, function, mixin and
// global variable of the sources. It gives the place of the last mark that was
// passed, or none.
func whereabouts(ctx context.Context, files sources, memory int64) diagnostic.Problem {
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
	c, err := start(memory, func(event godartsass.LogEvent) {
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

// nameLetters are what a variable's name is mostly made of.
const nameLetters = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// repeated are the rules whose blocks can run without end.
var repeated = []string{"@function", "@mixin", "@while", "@for", "@each"}

// markSource puts @debug at the beginning of each block that can run again, and
// before each variable that is set outside of all blocks. It knows just enough
// of SCSS: where comments, strings and blocks begin and end. If it goes wrong,
// the marked source does not compile, and no place is found.
func markSource(name, source string, marks []diagnostic.Problem) (string, []diagnostic.Problem) {
	var b strings.Builder
	add := func(from, length int) {
		if len(marks) == mostMarks {
			return
		}
		fmt.Fprintf(&b, `@debug "%s%d";`, markText, len(marks))
		mark := diagnostic.At(source, from, from+length, "")
		mark.File = folder + name
		marks = append(marks, *mark)
	}
	// Nothing but variables may stand before what loads other files.
	loaded := max(strings.LastIndex(source, "@use"), strings.LastIndex(source, "@forward"))
	var at statements
	begun, rule := -1, 0 // where a rule began whose block is to come, and how long its name is
	for i := 0; i < len(source); {
		rest := source[i:]
		if at.global(rest) && i > loaded {
			add(i, len(rest)-len(strings.TrimLeft(rest[1:], nameLetters)))
		}
		if rest[0] == '@' && repeats(rest) > 0 {
			begun, rule = i, repeats(rest)
		}
		width := at.pass(rest)
		b.WriteString(rest[:width])
		switch {
		case rest[0] == ';':
			begun = -1
		case rest[0] == '{' && begun >= 0:
			add(begun, rule)
			begun = -1
		}
		i += width
	}
	return b.String(), marks
}

// mostMarks bounds the marks: each costs a look through its source.
const mostMarks = 5000

// statements follows where in a source statements begin.
type statements struct {
	blocks, interpolations int  // that are open
	within                 bool // a statement has begun
}

// global says whether a variable is set there, outside of all blocks.
func (s *statements) global(rest string) bool { return rest[0] == '$' && !s.within && s.blocks == 0 }

// pass is how long the next piece is.
func (s *statements) pass(rest string) (width int) {
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "//"):
		return until(rest, "\n")
	case strings.HasPrefix(rest, "/*"):
		return until(rest, "*/")
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return 1
	case strings.HasPrefix(rest, "#{"):
		s.interpolations++
		s.within = true
		return 2
	case c == '}' && s.interpolations > 0:
		s.interpolations--
		return 1
	case c == '"' || c == '\'':
		s.within = true
		length, _ := markup.QuotedLength(rest)
		return length
	case c == '{':
		s.blocks++
	case c == '}':
		s.blocks--
	}
	s.within = strings.IndexByte("{};", rest[0]) < 0
	return 1
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
