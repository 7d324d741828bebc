package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal of so many columns. A program writes to its
// end; sent closes that, and gives what the terminal got.
func openTerminal(columns uint16) (theirs *os.File, sent func() (string, error), err error) {
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a terminal: %w", err)
	}
	theirs, err = otherEnd(ours, columns)
	if err != nil {
		ours.Close()
		return nil, nil, fmt.Errorf("make a terminal: %w", err)
	}
	got := make(chan string)
	go func() {
		all, _ := io.ReadAll(ours) // it ends with EIO once nobody has the other end
		ours.Close()
		got <- string(all)
	}()
	return theirs, func() (string, error) {
		err := theirs.Close()
		return <-got, err
	}, nil
}

func otherEnd(ours *os.File, columns uint16) (*os.File, error) {
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	if err := unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: columns}); err != nil {
		return nil, err
	}
	return os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
}

// terminal is openTerminal for a test, which is skipped where there are none.
func terminal(t *testing.T, columns uint16) (theirs *os.File, sent func() string) {
	t.Helper()
	theirs, got, err := openTerminal(columns)
	if err != nil {
		t.Skip(err)
	}
	return theirs, func() string {
		text, err := got()
		require.NoError(t, err)
		return text
	}
}

// onTerminal runs the program with standard error on a terminal of 60 columns,
// and gives what the terminal gets.
func onTerminal(t *testing.T, args ...string) (code int, shown string) {
	t.Helper()
	t.Setenv("TERM", "xterm")
	theirs, sent := terminal(t, 60)
	code = run(t.Context(), args, io.Discard, screenOf(theirs))
	return code, strings.ReplaceAll(sent(), "\r\n", "\n")
}

// onscreenProgram is ddc for scripts: what it says on a terminal of 80 columns,
// without colours and the live line, goes to standard error.
const onscreenProgram = "onscreen"

func beOnscreen() {
	theirs, sent, err := openTerminal(80)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitMachinery)
	}
	c := exec.Command("ddc", os.Args[1:]...)
	c.Env = append(os.Environ(), "TERM=dumb")
	c.Stdout, c.Stderr = os.Stdout, theirs
	failed := c.Run()
	shown, err := sent()
	fmt.Fprint(os.Stderr, strings.ReplaceAll(shown, "\r\n", "\n"))
	if err := errors.Join(failed, err); c.ProcessState == nil || err != nil && c.ProcessState.Success() {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitMachinery)
	}
	os.Exit(c.ProcessState.ExitCode())
}
