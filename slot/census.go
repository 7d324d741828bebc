package slot

// Census is who has how much of a pool, as one pass over its slots saw it.
type Census struct {
	Classes []Usage
	// Free is how many of the slots that all parties share are free.
	Free int
	// Parties are what each party owns: the sender of a payload, until whoever
	// received it gives the slot back.
	Parties []Share
}

// Share is a party's part of a pool.
type Share struct {
	// Slots and Bytes are what the party owns.
	Slots int `json:"slots"`
	Bytes int `json:"bytes"`
	// Reserve is how many of its reserved slots are free.
	Reserve int `json:"reserve_free"`
}

// Census looks at every slot. It checks the owner that a slot's word names.
func (p *Pool) Census() Census {
	c := Census{Classes: p.Usage(-1), Parties: make([]Share, p.parties)}
	for i := range p.classes {
		class := &p.classes[i]
		for index := range class.slots {
			_, owner, state := unpack(class.slots[index].Load())
			switch {
			case state != Free && owner < len(c.Parties):
				c.Parties[owner].Slots++
				c.Parties[owner].Bytes += class.Size
			case state == Free && index >= class.shared:
				c.Free++
			case state == Free:
				c.Parties[index/class.Reserve].Reserve++
			}
		}
	}
	return c
}
