package activity

// Waiting counts who waits.
func (a *Activity) Waiting() int { return int(a.waiting.Load()) }
