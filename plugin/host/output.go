package host

import (
	"errors"
	"fmt"
	"os"
)

// output is a pipe for each of a plugin's standard output and error.
type output [2]outputEnd

type outputEnd struct {
	name         string
	ours, theirs *os.File
}

func newOutput() (o output, err error) {
	for i, name := range []string{"stdout", "stderr"} {
		o[i].name = name
		if o[i].ours, o[i].theirs, err = os.Pipe(); err != nil {
			if i > 0 {
				o[0].theirs.Close() //nolint:errcheck // nothing was written
				o[0].ours.Close()   //nolint:errcheck // nothing was written
			}
			return output{}, fmt.Errorf("make pipe for the log: %w", err)
		}
	}
	return o, nil
}

// letGo closes the ends that the plugin writes to.
func (o output) letGo() {
	for _, end := range o {
		_ = end.theirs.Close()
	}
}

// close closes the ends that this process reads.
func (o output) close() error { return errors.Join(o[0].ours.Close(), o[1].ours.Close()) }
