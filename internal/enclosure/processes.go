package enclosure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
)

const (
	// shown bounds how many processes are listed, and shownText each one's text.
	shown     = 8
	shownText = 120
	// deep bounds a walk from parent to parent.
	deep = 4096
)

// parentOf is the parent of a process, as /proc has it, or 0.
func parentOf(pid string) int {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	// The name, in brackets, may hold anything; after it come the state and the parent.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

// families are the children of each process that /proc shows.
func families() map[int][]int {
	of := map[int][]int{}
	folder, err := os.Open("/proc")
	if err != nil {
		return of
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1) // what could be read is looked at
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			of[parentOf(name)] = append(of[parentOf(name)], pid)
		}
	}
	return of
}

func childrenOf(pid int) []int { return families()[pid] }

// running lists what has this process among its parents.
func running() []string {
	// By the number that /proc knows us by: it may be another namespace's.
	name, err := os.Readlink("/proc/self")
	if err != nil {
		return nil
	}
	self, err := strconv.Atoi(name)
	if err != nil {
		return nil
	}
	of := families()
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

// commandLine is what a process was started with, fit for people, or "" for one that has ended.
func commandLine(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(text) == 0 {
		return ""
	}
	words := strings.Map(func(r rune) rune {
		switch {
		case r == 0 || unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), "?"))
	if runes := []rune(strings.TrimSpace(words)); len(runes) > shownText {
		return string(runes[:shownText]) + "..."
	}
	return strings.TrimSpace(words)
}
