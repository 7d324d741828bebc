package enclosure

import (
	"os"
	"path/filepath"
	"strconv"

	"ddc/internal/proc"
)

// NameVariable names the environment variable that tells a program its name.
const NameVariable = "DDC_SAMPLE"

// nestedFile is left in a program's folder by one that Within told where it is.
const nestedFile = ".ddc-build-inside"

// Within says whether this process was started by an enclosed program, and by
// what name that goes. It goes by the parents of this process: a warden adopts
// whatever the program leaves behind, so that it is among them however the
// process was started, and whatever became of its environment. Where /proc
// cannot be read it finds nothing.
//
// It leaves a mark in the program's folder, by which Outcome.Nested is set,
// whatever the program makes of the refusal.
func Within() (name string, inside bool) {
	pid, err := proc.Number()
	for range deep {
		if err != nil || pid == 0 {
			return "", false
		}
		if words := wordsOf(pid); words != nil {
			_ = os.WriteFile(filepath.Join(words[3], nestedFile), nil, 0o600) // without it the exit status has to do
			return words[2], true
		}
		pid = parentOf(pid)
	}
	return "", false
}

// wardensWords is how many words a warden is started with.
const wardensWords = 5

// wordsOf are the words that a process was started with, if it is a warden.
func wordsOf(pid int) []string {
	words := proc.Words(pid)
	if len(words) != wardensWords || words[1] != argument {
		return nil
	}
	return words
}

// Asker is the process for which a process is a warden, or 0 if it is none. It
// is what the warden was started with, for people to look at: no decision may
// rest on it.
func Asker(pid int) int {
	words := wordsOf(pid)
	if words == nil {
		return 0
	}
	asker, _ := strconv.Atoi(words[wardensWords-1])
	return asker
}

func marked(folder string) bool {
	info, err := os.Lstat(filepath.Join(folder, nestedFile))
	return err == nil && info.Mode().IsRegular()
}
