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

// patience is how long one pattern may look for a match before it is stopped, give or take as much again.
//
// Chroma gives each match 250 ms and skips the rule after that, so a process that the kernel held up for as long would colour
// the same code another way, and a site would not come out the same twice. The clock behind this limit only ticks once a
// period, and a limit is always set beyond the next tick: with a long period a busy machine no longer trips it, and a
// pattern that never ends is still stopped.
const patience = 30 * time.Second

var setPatience = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(patience) })

// lexerFor finds the lexer of an info string, such as "rust,noexec" or `toml title="x"`, or nil.
func lexerFor(info string) chroma.Lexer {
	name, _, _ := strings.Cut(strings.ToLower(info), ",")
	name = strings.TrimSpace(name)
	if lexer := named(name); lexer != nil {
		return lexer
	}
	word, _, _ := strings.Cut(name, " ")
	return named(word)
}

// longestName bounds what is looked up among the names of languages and the
// patterns of their files' names, which a long one is compared with again and again.
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

// idleSteps is how many empty tokens may follow one another. A lexer that runs in a circle, as some do on text that is
// not of their language, emits them for ever.
const idleSteps = 1000

// maxWork is how much of a processor's time the lexer may take for one piece of code. Some of chroma's patterns look at all that
// follows, again for every token: 16 KB of "<script>" take five seconds, and twice as much four times that. It is the thread's
// own time, so that a busy machine makes no difference.
const maxWork = 10 * time.Second

// tokensAtOnce are taken before the time is looked at.
const tokensAtOnce = 64

var errTooMuchWork = errors.New("the code takes too long to colour; divide it, or mark it as text")

// spans writes code as HTML, and says false where the lexer failed, lost a part of the code or was interrupted.
func spans(ctx context.Context, lexer chroma.Lexer, code string, most time.Duration) (html string, done bool, err error) {
	setPatience()
	defer func() {
		// Chroma's lexers panic on a state that is not defined, deep inside the iterator.
		if recover() != nil {
			html, done = "", false
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun, tokens := threadTime(), 0
	next, err := lexer.Tokenise(&chroma.TokeniseOptions{State: "root", EnsureLF: true}, code)
	if err != nil {
		return "", false, nil
	}
	var out strings.Builder
	// Neighbours of one class share a span, which is written when the class changes.
	class, from, idle := "", 0, 0
	rest := code
	for token := next(); token != chroma.EOF; token = next() {
		if idle++; token.Value != "" {
			idle = 0
		}
		if ctx.Err() != nil || idle > idleSteps {
			return "", false, nil
		}
		if tokens++; tokens%tokensAtOnce == 0 && threadTime()-begun > most {
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

// writeSpan leaves white space and plain text bare.
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

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
