package sandbox

var oldAttributes []uint32 // there is no chmod, and no chown, by a path alone
