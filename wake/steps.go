package wake

// sound is the event count and the primitive that sleeps, with the steps of the
// protocol as the package's proof names them. A Doorbell embeds it. A build
// with the tag ddcfault gives Doorbell methods of the same names, which stand
// before these and break them (steps_fault.go).
type sound struct {
	words *Words
	waker Waker
}

// announce is S1. It is a Swap because a Store to mapped memory is no fence
// under the race detector (package shm).
func (s *sound) announce() { s.words.Sleeping.Swap(1) }

// attending is what Sleeping is while the sleeper attends.
const attending = 2

// attend is S0.
func (s *sound) attend() { s.words.Sleeping.Swap(attending) }

// attended asks for S0, after R3.
func (s *sound) attended() bool { return s.words.Sleeping.Load() == attending }

// lastLook is S2: it comes after the announcement, and nothing may come between
// it and park.
func (s *sound) lastLook(ready func() bool) bool { return ready() }

// park is S3.
func (s *sound) park() error {
	s.words.Parked.Store(1)
	err := s.waker.Wait()
	s.words.Parked.Store(0)
	s.words.Received.Add(1)
	return err
}

// withdraw is S4. Wait may have returned for no reason, with the flag still up:
// it must come down before the next announcement, or a ringer that takes it now
// could not be told from one that takes the next.
func (s *sound) withdraw() { s.words.Sleeping.Store(0) }

// count is R2. It orders whatever was published before it.
func (s *sound) count() { s.words.Seq.Add(1) }

// takeFlag is R3: true means that this process owes a token. It loads first,
// because under load nobody sleeps, and a failed compare-and-swap would take
// the cache line from the sleeper each time.
func (s *sound) takeFlag() bool {
	return s.words.Sleeping.Load() == 1 && s.words.Sleeping.CompareAndSwap(1, 0)
}

// leaveToken is R4.
func (s *sound) leaveToken() error {
	s.words.Sent.Add(1)
	return s.waker.Ring()
}

// repay rings as if the flag had been up.
func (s *sound) repay() error {
	s.count()
	s.withdraw()
	return s.leaveToken()
}
