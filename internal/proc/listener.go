package proc

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// listening is the state of a socket that waits for connections, as /proc/net
// has it.
const listening = "0A"

// Listener finds the process that listens on a TCP port, and its name. It is 0
// if there is none, or if we may not look at it.
func Listener(port int) (pid int, name string) {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line) // number, local, remote, state, ..., and the inode as the tenth
			if len(words) > 9 && words[3] == listening && strings.HasSuffix(words[1], fmt.Sprintf(":%04X", port)) {
				sockets["socket:["+words[9]+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return 0, ""
	}
	pids, err := PIDs()
	if err != nil {
		return 0, ""
	}
	for _, pid := range pids {
		open, err := Descriptors(pid)
		if err != nil {
			continue // it has ended, or is another user's
		}
		if !slices.ContainsFunc(open, func(d Descriptor) bool { return sockets[d.Target] }) {
			continue
		}
		name, err := os.ReadFile(Folder(pid) + "/comm")
		if err == nil {
			return pid, strings.TrimSpace(string(name))
		}
	}
	return 0, ""
}
