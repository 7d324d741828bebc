package enclosure

import (
	"strings"
	"unicode"

	"ddc/internal/proc"
)

const (
	// shown bounds how many processes are listed, and shownText each one's
	// text.
	shown     = 8
	shownText = 120
	// deep bounds a walk from parent to parent.
	deep = 4096
)

// parentOf is the parent of a process, as /proc has it, or 0.
func parentOf(pid int) int {
	s, err := proc.Of(pid)
	if err != nil {
		return 0
	}
	return s.Parent
}

func childrenOf(pid int) []int { return proc.Families(proc.All())[pid] }

// running lists what has this process among its parents.
func running() []string {
	// By the number that /proc knows us by: it may be another namespace's.
	self, err := proc.Number()
	if err != nil {
		return nil
	}
	of := proc.Families(proc.All())
	var texts []string
	for queue := of[self]; len(queue) > 0; queue = queue[1:] {
		if len(texts) == shown {
			return append(texts, "...")
		}
		if text := commandLine(queue[0]); text != "" {
			texts = append(texts, text)
		}
		queue = append(queue, of[queue[0]]...)
	}
	return texts
}

// commandLine is what a process was started with, fit for people, or "" for one
// that has ended.
func commandLine(pid int) string {
	words := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.Join(proc.Words(pid), " "), "?"))
	if runes := []rune(strings.TrimSpace(words)); len(runes) > shownText {
		return string(runes[:shownText]) + "..."
	}
	return strings.TrimSpace(words)
}
