package agreement

// GOGC is the variable that says how much a Go program's heap may grow before
// it is collected, and StartGOGC what a host sets it to, if nobody else has,
// until the plugin sets its own.
const (
	GOGC      = "GOGC"
	StartGOGC = "801"
)
