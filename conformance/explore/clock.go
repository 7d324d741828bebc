//go:build explore

package explore

// maxTasks is how many tasks one schedule may have.
const maxTasks = 16

// clock counts, for each task, how many of its steps come before something.
type clock [maxTasks]uint32

func (c *clock) join(other *clock) {
	for i := range c {
		c[i] = max(c[i], other[i])
	}
}

// processSet is a set of processes.
type processSet uint64

func (s processSet) has(process int) bool        { return s&(1<<process) != 0 }
func (s processSet) with(process int) processSet { return s | 1<<process }

// set is a set of tasks.
type set uint32

func (s set) has(task int) bool { return s&(1<<task) != 0 }
func (s set) with(task int) set { return s | 1<<task }
