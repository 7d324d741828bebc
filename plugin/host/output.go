package host

import (
	"errors"
	"fmt"
	"os"
	"time"

	"ddc/internal/sys"
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

// drain is how long the host still waits for a dead plugin's output, if a child
// of the plugin holds the other end open.
const drain = 500 * time.Millisecond

// endSoon ends the reading after drain.
func (o output) endSoon() {
	for _, end := range o {
		_ = end.ours.SetReadDeadline(time.Now().Add(drain))
	}
}

// pipeful bounds what a pipe holds.
const pipeful = 1 << 20

// toTheEnd reads a pipe until its end, or until its deadline, and then what is
// in it: a host that had no processor until the deadline was over would lose a
// dead plugin's last words.
type toTheEnd struct {
	file *os.File
	late int // bytes that were read after the deadline
}

func (r *toTheEnd) Read(b []byte) (int, error) {
	n, err := r.file.Read(b)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || r.late >= pipeful {
		return n, err //nolint:wrapcheck // a reader gives its reader's errors
	}
	n, failed := sys.ReadNow(r.file, b)
	if failed != nil || n == 0 {
		return 0, err //nolint:wrapcheck // a reader gives its reader's errors
	}
	r.late += n
	return n, nil
}
