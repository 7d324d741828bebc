// Package tool finds the external programs that plugins drive and runs them so
// that nothing of them stays behind. Each plugin's Spec names those that it
// drives.
//
//	var subset = tool.Program{Name: "hb-subset", Purpose: "which cuts fonts down to the characters in use"}
//	font, err := tool.Command{Program: subset, Args: args, Input: font}.Run(ctx)
//
// A program runs in a process group of its own. The whole group is killed when
// the context ends, and the program itself when this process dies, however it
// dies. It inherits three descriptors: the rest of ours, a plugin's doorbells
// and lifeline among them, would keep a dead plugin looking alive for as long
// as a program runs.
//
// A run costs some 2 ms besides the program's own time, and one thread of the
// system while it lasts. Start is for programs that one talks with, Folder for
// those that insist on files.
package tool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	"google.golang.org/grpc/codes"
)

// ErrMissing is what Find and everything that finds wraps when a program is not
// installed. The text around it says what to do.
var ErrMissing = errors.New("is not installed")

// ErrMemory is in a Failure if the kernel has killed the program, and some
// process since memory ran out.
var ErrMemory = errors.New("memory ran out, so that the kernel has ended a process")

// FolderVariable names the environment variable with a folder of tools that
// goes before every other.
const FolderVariable = "DDC_TOOLS"

// Program is a program that a plugin drives.
type Program struct {
	Name string
	// Purpose tells the reader of an error what goes without it: "which writes
	// JPEG XL".
	Purpose string
}

// Find returns the path of a program by its name.
func Find(name string) (string, error) { return Program{Name: name}.Find() }

// Find returns the program's path. It looks in the folder that $DDC_TOOLS
// names; in .tools/bin beside this executable and in each folder above; in
// .tools/bin of the checkout around the working directory, which is where tests
// run; and on the PATH.
func (p Program) Find() (string, error) {
	for _, folder := range folders() {
		if path := filepath.Join(folder, p.Name); executable(path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath(p.Name); err == nil {
		return path, nil
	}
	who := p.Name
	if p.Purpose != "" {
		who += ", " + p.Purpose + ","
	}
	return "", fmt.Errorf("%s %w: run `make tools` where ddc was built, or put it on the PATH or in the folder that $%s names",
		who, ErrMissing, FolderVariable)
}

func folders() []string {
	var list []string
	if folder := os.Getenv(FolderVariable); folder != "" {
		list = append(list, folder)
	}
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			program = real
		}
		for folder := range upward(filepath.Dir(program)) {
			list = append(list, filepath.Join(folder, ".tools", "bin"))
		}
	}
	if working, err := os.Getwd(); err == nil {
		for folder := range upward(working) {
			if checkout(folder) {
				list = append(list, filepath.Join(folder, ".tools", "bin"))
				break
			}
		}
	}
	return list
}

// module is the path of this module, whatever it is called.
func module() string {
	return strings.TrimSuffix(reflect.TypeFor[Program]().PkgPath(), "/internal/tool")
}

// checkout tells whether folder is ddc's source. Any other folder above the
// working directory may belong to a site, and a site must not bring programs
// along.
func checkout(folder string) bool {
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	return err == nil && strings.HasPrefix(string(text), "module "+module()+"\n")
}

// upward yields a folder, its parent, and so on to the root.
func upward(folder string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for yield(folder) && folder != filepath.Dir(folder) {
			folder = filepath.Dir(folder)
		}
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// Code is the status that a plugin answers with for an error of this package:
// FailedPrecondition when the program is missing, ResourceExhausted when memory
// ran out, Canceled or DeadlineExceeded when the caller has gone, Internal
// otherwise. Only the plugin knows what any other Failure means.
func Code(err error) codes.Code {
	switch {
	case err == nil:
		return codes.OK
	case errors.Is(err, ErrMissing):
		return codes.FailedPrecondition
	case errors.Is(err, ErrMemory):
		return codes.ResourceExhausted
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	return codes.Internal
}
