package sandbox

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A restricted process may start programs, and none of them in a namespace of
// its own, by whichever call.
func TestNoProgramIsStartedInANamespaceOfItsOwn(t *testing.T) {
	if !Kernel().Seccomp {
		t.Skip("this kernel offers no seccomp")
	}
	policy := Policy{Execute: []string{"/"}, Read: []string{"/"}, Write: []string{"/dev/null"}, Programs: true}
	start := func(flags uintptr) (err error) {
		ended := make(chan struct{})
		go OnThread(func() {
			defer close(ended)
			if _, err = Restrict(policy); err != nil {
				return
			}
			cmd := exec.Command("/bin/true")
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
			err = cmd.Run()
		})
		<-ended
		return err
	}
	require.NoError(t, start(0), "programs may be started")
	for name, flag := range map[string]uintptr{
		"user": syscall.CLONE_NEWUSER, "pid": syscall.CLONE_NEWPID, "net": syscall.CLONE_NEWNET,
		"mount": syscall.CLONE_NEWNS, "uts": syscall.CLONE_NEWUTS, "ipc": syscall.CLONE_NEWIPC,
	} {
		assert.ErrorIs(t, start(flag), syscall.EPERM, name)
	}
}
