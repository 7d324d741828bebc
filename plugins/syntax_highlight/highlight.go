package syntax_highlight

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/dlclark/regexp2/v2"
)

// patience is how long one pattern may look for a match before it is stopped.
// It may take up to twice as long.
//
// Chroma gives each match 250 ms and then skips the rule. If the kernel held a
// process up that long, it would colour the same code differently, and two
// builds of a site would differ. The clock behind this limit ticks only once a
// period, and a limit always lies beyond the next tick. With a long period a
// busy machine does not trip the limit, but a pattern that never ends is still
// stopped.
const patience = 30 * time.Second

var setPatience = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(patience) })

// lexerFor finds the lexer of an info string, such as "rust,noexec" or `toml
// title="x"`, or nil.
func lexerFor(info string) chroma.Lexer {
	name, _, _ := strings.Cut(strings.ToLower(info), ",")
	name = strings.TrimSpace(name)
	if lexer := named(name); lexer != nil {
		return lexer
	}
	word, _, _ := strings.Cut(name, " ")
	return named(word)
}

// longestName bounds the names that are looked up among the languages' names
// and their file name patterns: comparing a long name takes long.
const longestName = 64

func named(name string) chroma.Lexer {
	if len(name) > longestName {
		return nil
	}
	switch name {
	case "", "text", "plain", "plaintext", "txt":
		return nil
	case "console", "shell", "zsh":
		name = "bash"
	case "c_sharp":
		name = "c#"
	case "f#":
		name = "fsharp"
	}
	// Chroma's names have capitals and its aliases do not.
	for _, lexer := range lexers.GlobalLexerRegistry.Lexers {
		if strings.EqualFold(lexer.Config().Name, name) {
			return lexer
		}
	}
	return lexers.Get(name)
}

// idleSteps is how many empty tokens may follow one another. Some lexers loop
// on text that is not of their language, and emit empty tokens for ever.
const idleSteps = 1000

// maxWork is how much processor time the lexers may take for a call's code.
// Some of chroma's patterns look at all the rest of the text for every token:
// 16 KB of "<script>" take five seconds, and twice as much takes four times as
// long. It is the thread's own time, so that a busy machine makes no
// difference.
const maxWork = 10 * time.Second

// tokensAtOnce is how many tokens are taken between two looks at the time.
const tokensAtOnce = 64

var errTooMuchWork = errors.New("the code takes too long to colour; divide it, or mark it as text")

// spans writes code as HTML. It returns false if the lexer failed, lost a part
// of the code or was interrupted. It takes its processor time off what is left.
func spans(ctx context.Context, lexer chroma.Lexer, code string, left *time.Duration) (html string, done bool, err error) {
	setPatience()
	defer func() {
		// Chroma's lexers panic on an undefined state, deep inside the
		// iterator.
		if recover() != nil {
			html, done = "", false
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun, tokens := threadTime(), 0
	defer func() { *left -= threadTime() - begun }()
	next, err := lexer.Tokenise(&chroma.TokeniseOptions{State: "root", EnsureLF: true}, code)
	if err != nil {
		return "", false, nil
	}
	var out strings.Builder
	// Neighbours of one class share a span, which is written when the class
	// changes.
	class, from, idle := "", 0, 0
	rest := code
	for token := next(); token != chroma.EOF; token = next() {
		if idle++; token.Value != "" {
			idle = 0
		}
		if ctx.Err() != nil || idle > idleSteps {
			return "", false, nil
		}
		if tokens++; tokens%tokensAtOnce == 0 && threadTime()-begun > *left {
			return "", false, errTooMuchWork
		}
		value := token.Value
		if len(value) > len(rest) {
			// A lexer may have added the line break that its patterns need.
			value = strings.TrimSuffix(value, "\n")
		}
		after, same := strings.CutPrefix(rest, value)
		if !same {
			return "", false, nil
		}
		if its := chroma.StandardTypes[token.Type]; its != class && value != "" {
			start := len(code) - len(rest)
			writeSpan(&out, class, code[from:start])
			class, from = its, start
		}
		rest = after
	}
	writeSpan(&out, class, code[from:len(code)-len(rest)])
	return out.String(), rest == "", nil
}

// threadTime is the processor's time that this thread has taken.
func threadTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &usage); err != nil {
		return 0 // only a wrong argument is an error
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// writeSpan writes white space and plain text without a span.
func writeSpan(out *strings.Builder, class, value string) {
	if value == "" {
		return
	}
	if class == "" || class == "w" {
		out.WriteString(escape(value))
		return
	}
	out.WriteString(`<span class="`)
	out.WriteString(class)
	out.WriteString(`">`)
	out.WriteString(escape(value))
	out.WriteString(`</span>`)
}

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(text string) string { return markup.Replace(text) }
