package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ddc/internal/diagnostic"
	"ddc/internal/suggest"
)

// usageError marks an error as one of usage: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// wrong is an error in how a command was called. It says what is wrong, what
// was probably meant, and where to find help.
func wrong(c *cobra.Command, message, meant string) error {
	hint := fmt.Sprintf("see %q", c.CommandPath()+" --help")
	if meant != "" {
		hint = fmt.Sprintf("did you mean %s? Else %s", meant, hint)
	}
	return usageError{&diagnostic.Problem{Message: message, Hint: hint}}
}

// usage turns cobra's errors about arguments into errors of usage.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		switch {
		case err == nil:
			return nil
		case expectsCommand(c):
			return unknownCommand(c, args[0])
		}
		return wrong(c, err.Error(), "")
	}
}

// expectsCommand says whether a command's first word is a subcommand's name.
// That of ddc plugin may be a plugin's.
func expectsCommand(c *cobra.Command) bool { return c.HasSubCommands() && c.ValidArgs == nil }

// unknownCommand is the error of a command that has no such subcommand.
func unknownCommand(c *cobra.Command, word string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return wrong(c, fmt.Sprintf("unknown command %q for %q", word, c.CommandPath()), suggest.Nearest(word, names))
}

// wrongFlag puts pflag's error about a flag into this program's words.
func wrongFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case expectsCommand(c) && c.Flags().NArg() > 0: // its flags are those of the command that was meant
		return unknownCommand(c, c.Flags().Arg(0))
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		meant := suggest.Nearest(unknown.GetSpecifiedName(), names)
		if meant != "" {
			meant = "--" + meant
		}
		return wrong(c, err.Error(), meant)
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		wanted := cmp.Or(map[string]string{
			"bool": "true or false", "int": "a whole number", "duration": "a time such as 500ms, 20s or 5m",
		}[flag.Value.Type()], "another value")
		return wrong(c, fmt.Sprintf("--%s %s: %s is wanted", flag.Name, strconv.Quote(invalid.GetValue()), wanted), "")
	}
	return wrong(c, err.Error(), "")
}

// wantsJSON says whether a command line asks for JSON, even if it is otherwise
// wrong.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	wanted := false
	for _, arg := range args {
		if value, given := strings.CutPrefix(arg, "--json"); given && (value == "" || value[0] == '=') {
			said, err := strconv.ParseBool(cmp.Or(strings.TrimPrefix(value, "="), "true"))
			wanted = said && err == nil
		}
	}
	return wanted
}

// printFailure prints the failure of a command that prints JSON. For a build
// that is the object that it always prints.
func printFailure(w io.Writer, c *cobra.Command, err error) error {
	if c.Name() == "build" || c.Name() == "check" {
		return printJSON(w, newBuildReport(report{plugins: []pluginReport{}, hangs: []hangReport{}, err: err}))
	}
	return printJSON(w, struct {
		Errors []diagnostic.Problem `json:"errors"`
	}{problemsOf(err)})
}
