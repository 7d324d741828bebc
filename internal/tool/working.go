package tool

import "os"

// Folder is where to start a program that needs no folder of its own: "", which
// is the working directory, or, where that has been removed, the folder for
// temporary files. Many programs fail at once in a folder that is gone.
func Folder() string {
	if _, err := os.Getwd(); err == nil {
		return ""
	}
	return os.TempDir()
}
