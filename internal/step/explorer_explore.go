//go:build explore

package step

// Enabled says whether this build can be explored.
const Enabled = true

// Explorer decides which goroutine goes on. While one is installed, at most one
// goroutine runs, and it is one of the explorer's tasks.
type Explorer interface {
	// Do parks the running task before an operation, until it is chosen to go
	// on with the alternative that Do returns.
	Do(Op) (alternative int)
	// Did says what the operation found in its object, and left there.
	Did(before, after uint64)
	// Acquire orders the task behind all that was released to object; Release
	// adds what the task has done to that, Publish puts it in its place.
	Acquire(object any)
	Release(object any)
	Publish(object any)
	// Access is a plain access to shared memory.
	Access(b []byte, write bool)
	// Go starts a task. An idle one may wait for ever, to no harm.
	Go(name string, first Op, idle bool, f func())
	// Interrupts says whether a system call may be interrupted by a signal
	// here.
	Interrupts() bool
	// Task is the running task.
	Task() any
	// Process names the process of the running task, and Lives asks later
	// whether that task has not been killed.
	Process() int
	Lives() func() bool
}

// Op is an operation that a task is about to make.
type Op struct {
	Verb   string // what is done, for people
	Object any    // to what: a pointer or a channel
	Write  bool   // whether that may change Object
	Also   []Use  // further objects
	// Word says that Object is a word. No Ready asks of one, so the operation
	// lets nobody go on who waits.
	Word bool
	// Ready returns the alternatives that are possible now, a bit for each; 0
	// is to wait. A nil Ready is one alternative, at any time.
	Ready func() uint8
	// Rare are alternatives that nobody may rely on, such as a signal.
	Rare uint8
}

// Use is one more object that an operation depends on.
type Use struct {
	Object any
	Write  bool
}

// current is nil unless an exploration runs. It changes only while none of its
// tasks does.
var current Explorer

// Install makes e decide from here on, or nobody where e is nil.
func Install(e Explorer) {
	current = e
	if e == nil {
		buffered, fired = nil, 0
	}
}

// unwinding is true while an explorer ends its tasks: what they defer then
// locks and waits for nothing.
var unwinding bool

// Unwind calls end, which ends the tasks of an exploration that is over.
func Unwind(end func()) {
	current, unwinding = nil, true
	end()
	Install(nil)
	unwinding = false
}

// Running is the explorer installed, or nil.
func Running() Explorer { return current }
