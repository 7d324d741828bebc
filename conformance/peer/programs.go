package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ddc/plugin/agreement"
	"ddc/rpc"
)

// givesUpPrograms tells a program to give up starting programs, and looks at
// its threads after the first call. A filter of system calls needs
// no_new_privs, and adds to those that this process has already.
func givesUpPrograms(ctx context.Context, s Subject) error {
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	told := func(terms []string) []string {
		for _, variable := range (agreement.Terms{NoPrograms: true}).Environ() {
			if strings.HasSuffix(variable, "=none") {
				terms = append(terms, variable)
			}
		}
		return terms
	}
	_, err = endedBy(ctx, s, told, func(b *bare, c *rpc.Conn) error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", b.cmd.Process.Pid))
		if err != nil {
			return err
		}
		for _, thread := range threads {
			status, err := os.ReadFile(thread)
			if err != nil {
				continue // it has ended
			}
			if field(status, "NoNewPrivs") != "1" || field(status, "Seccomp") != "2" || field(status, "Seccomp_filters") == field(own, "Seccomp_filters") && field(own, "Seccomp_filters") != "" {
				return fmt.Errorf("thread %s has no_new_privs %s, seccomp %s and %s filters: it can start programs",
					filepath.Base(filepath.Dir(thread)), field(status, "NoNewPrivs"), field(status, "Seccomp"), field(status, "Seccomp_filters"))
			}
		}
		return c.Close()
	})
	return err
}

// field is what /proc/PID/status says of a name.
func field(status []byte, name string) string {
	_, rest, _ := strings.Cut(string(status), "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(value)
}
