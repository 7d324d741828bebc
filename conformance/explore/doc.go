// Package explore is a model checker for the transport's own code. It runs a
// [Scenario], a few tasks that use real doorbells, wakers, rings, slots and
// links, in every order of their steps that makes a difference. With the build
// tag explore, every atomic operation, every system call of a waker, every lock
// and every channel operation is a step (package internal/step). Without that
// tag this package is empty.
//
//	go test -tags 'nodynamic explore' ./conformance/explore                  # a part, in seconds
//	go test -tags 'nodynamic explore' ./conformance/explore -explore.all -v  # all, with a table
//	make prove
//
// # How it searches
//
// A schedule is the list of tasks that made the steps. Each task is a
// coroutine, so only one runs at a time, and a schedule gives the same run each
// time. The search is depth-first and keeps only the current schedule: every
// other one begins anew.
//
// Exhaustive searches use dynamic partial-order reduction (Flanagan and
// Godefroid, Dynamic partial-order reduction for model checking software, POPL
// 2005) with sleep sets (Godefroid, Partial-order methods for the verification
// of concurrent systems, 1996): of all schedules that differ only in the order
// of steps which do not touch the same object, or only read it, one is run. If
// that is still too many, the search is bounded by the number of preemptions
// (Musuvathi and Qadeer, Iterative context bounding for systematic testing of
// multithreaded programs, PLDI 2007): it runs all schedules that interrupt a
// task that could have gone on at most that many times. Go's atomics are
// sequentially consistent, so orders of steps are all there is to explore.
//
// # What it finds
//
// A lost wake-up (nobody can go on, a sleeper's condition holds, no token is on
// its way), a deadlock, a panic, a data race (a plain access to shared memory
// that no release and acquire order behind another; happens-before after
// Lamport, checked with vector clocks as FastTrack does, Flanagan and Freund,
// PLDI 2009), and whatever the scenario claims: frames whole, once and in
// order, indices in bounds, slots owned once and none leaked.
//
// A finding is shown as the schedule with the fewest preemptions that shows it,
// a column for each task, and a token that runs it again:
//
//	go test -tags 'nodynamic explore' -run 'TestX/scenario' ./conformance/explore -explore.replay=TOKEN
//
// # Crowds
//
// A [Crowd] is too large to be searched: many peers and callers to whom
// everything happens at once. [Simulate] runs random schedules of it, which
// show a defect with a known probability ([Bound]), and [Shrink] makes what
// they show small.
//
// docs/EXPLORER.md says what is modelled, and how faithfully.
package explore
