package spec

import "ddc/internal/sandbox"

// Confinement is what a plugin may do besides computing and answering calls. The
// zero Confinement is nothing. A plugin that the kernel could hold to it, and does
// not, is not started.
type Confinement struct {
	// Policy names files and rights on top of what a program needs to start.
	Policy Policy
	// Environment names the host's variables that the plugin gets, besides those
	// that all get. One that ends in an asterisk stands for all that begin so.
	Environment []string
	// Temporary allows to write in the folder that is its TMPDIR.
	Temporary bool
	// Wardens lets the plugin have programs started by wardens of the host's.
	Wardens bool
}

// Policy is what a Confinement leaves to a plugin.
type Policy = sandbox.Policy
