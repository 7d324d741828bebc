package wake

// Stats is what a doorbell's words have counted, over both its ends.
type Stats struct {
	// Rings is how often somebody rang: Sent of them left a token, and
	// Suppressed found the sleeper awake. Received is how often it woke, and
	// Spurious how often for nothing.
	Rings, Sent, Suppressed, Received, Spurious uint64
}

// State is a doorbell's words at one moment. Two that are equal saw nothing
// happen in between.
type State struct {
	Seq              uint32
	Sleeping, Parked bool
	Stats
}

// State reads the words, one after the other.
func (w *Words) State() State {
	sent, suppressed := w.Sent.Load(), w.Suppressed.Load()
	return State{
		Seq: w.Seq.Load(), Sleeping: w.Sleeping.Load() == 1, Parked: w.Parked.Load() == 1,
		Stats: Stats{
			Rings: sent + suppressed, Sent: sent, Suppressed: suppressed,
			Received: w.Received.Load(), Spurious: w.Spurious.Load(),
		},
	}
}

// Sleeper is one look from outside at somebody who may sleep at a doorbell. It
// is the one place that says what a lost wake-up is; suite, explorer, matrix
// and inspect all ask it.
type Sleeper struct {
	// Parked is [Words].Parked: the sleeper is inside its waker's Wait.
	Parked bool
	// Due says that the sleeper's condition holds: there is something to do.
	Due bool
	// Token says that a token waits to be consumed.
	Token bool
	// Owed counts rings that have begun and not ended: their
	// tokens may yet come.
	Owed uint64
}

// Lost says that nothing will ever wake the sleeper, if the look stays the
// same: it sleeps, it should not, no token is there and none is to come.
func (s Sleeper) Lost() bool { return s.oversleeps() && !s.Token }

// Undelivered says that a token is there, and does not wake the sleeper.
func (s Sleeper) Undelivered() bool { return s.oversleeps() && s.Token }

func (s Sleeper) oversleeps() bool { return s.Parked && s.Due && s.Owed == 0 }
