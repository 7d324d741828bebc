package main

import (
	"os"
	"path/filepath"
)

// checkFolder refuses relative paths if the working directory has been removed.
// Empty paths are ignored.
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
// programs that a library starts inherit it, and many would end at once.
func leaveFolder() error {
	if _, err := os.Getwd(); err == nil {
		return nil
	}
	return os.Chdir("/")
}

// folderIn is the folder of the site that a command's only argument names: the
// working directory, if there is none.
func folderIn(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
