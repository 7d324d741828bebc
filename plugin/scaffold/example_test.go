package scaffold_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ddc/plugin/scaffold"
)

// The name of the folder is the plugin's.
func Example() {
	parent, err := os.MkdirTemp("", "scaffold-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)
	folder := filepath.Join(parent, "shout")
	if err := scaffold.Write(folder, scaffold.Options{Language: scaffold.Go, Source: "../.."}); err != nil {
		fmt.Println(err)
		return
	}
	_ = fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			fmt.Println(name)
		}
		return err
	})
	// Output:
	// .gitignore
	// README.md
	// go.mod
	// go.sum
	// main.go
	// main_test.go
}
