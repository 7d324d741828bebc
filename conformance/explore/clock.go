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

// set is a set of tasks.
type set uint32

func (s set) has(task int) bool { return s&(1<<task) != 0 }
func (s set) with(task int) set { return s | 1<<task }
