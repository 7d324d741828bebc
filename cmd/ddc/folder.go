package main

import (
	"os"
	"path/filepath"
)

// checkFolder refuses paths that begin in the working directory where that has been
// removed. Empty ones are none.
func checkFolder(paths ...string) error {
	for _, path := range paths {
		if path == "" || filepath.IsAbs(path) {
			continue
		}
		if _, err := os.Getwd(); err != nil {
			return usagef("%s: the working directory does not exist any more (%w): change to another, or give an absolute path", path, err)
		}
	}
	return nil
}

// leaveFolder goes to another working directory if this one has been removed:
// programs that a library starts inherit it, and many end at once there.
func leaveFolder() error {
	if _, err := os.Getwd(); err == nil {
		return nil
	}
	return os.Chdir("/")
}
