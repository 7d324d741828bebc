package enclosure

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// NameVariable names the environment variable that tells a program its name.
const NameVariable = "DDC_SAMPLE"

// nestedFile is left in a program's folder by one that Within told where it is.
const nestedFile = ".ddc-build-inside"

// Within says whether this process was started by an enclosed program, and by
// what name that goes. It goes by the parents of this process: a warden adopts
// whatever the program leaves behind, so that it is among them however the
// process was started, and whatever became of its environment. Where /proc cannot
// be read it finds nothing.
//
// It leaves a mark in the program's folder, by which Ending.Nested is set,
// whatever the program makes of the refusal.
func Within() (name string, inside bool) {
	pid, err := os.Readlink("/proc/self")
	for range deep {
		if err != nil || pid == "0" {
			return "", false
		}
		line, readErr := os.ReadFile("/proc/" + pid + "/cmdline")
		if words := bytes.Split(line, []byte{0}); readErr == nil && len(words) == 5 && string(words[1]) == argument {
			_ = os.WriteFile(filepath.Join(string(words[3]), nestedFile), nil, 0o600) // without it the exit status has to do
			return string(words[2]), true
		}
		pid = strconv.Itoa(parentOf(pid))
	}
	return "", false
}

func marked(folder string) bool {
	info, err := os.Lstat(filepath.Join(folder, nestedFile))
	return err == nil && info.Mode().IsRegular()
}
