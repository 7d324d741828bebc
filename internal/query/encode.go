package query

import "fmt"

// fingerprint gives an answer its fingerprint, and puts it into the store if it
// belongs there. Most answers are written down for the fingerprint alone, in
// room that is used again.
func (e *Engine) fingerprint(n *node, a *answer) error {
	var encoded []byte
	var err error
	if a.err == nil && n.kind.append != nil && !e.stores(n.kind) {
		room, _ := e.rooms.Get().(*[]byte)
		if room == nil {
			room = new([]byte)
		}
		defer e.rooms.Put(room)
		if encoded, err = e.append((*room)[:0], n.kind, a); err != nil {
			return err
		}
		if cap(encoded) <= maxRoom {
			*room = encoded
		}
	} else if encoded, err = e.encode(n.kind, a); err != nil {
		return err
	}
	f := digest(a.failed, encoded)
	a.fingerprint = &f
	e.spill(n.kind, a, encoded)
	if e.stores(n.kind) && !a.brief {
		e.options.Store.Save(n.id, Record{f, a.failed}, encoded)
	}
	return nil
}

// maxRoom is how much room is kept for the next answer that is written down, in
// bytes.
const maxRoom = 1 << 20

func failedToEncode(k *kind, err error) error {
	return fmt.Errorf("encode an answer of %s: %w", k.name, err)
}

func (e *Engine) encode(k *kind, a *answer) ([]byte, error) {
	if a.err == nil {
		encoded, err := k.encode(a.value)
		if err != nil {
			return nil, failedToEncode(k, err)
		}
		return encoded, nil
	}
	if e.options.Errors != nil {
		if encoded, ok := e.options.Errors.Encode(a.err); ok {
			return encoded, nil
		}
	}
	return nil, a.err
}

// append is encode into room that is there.
func (e *Engine) append(to []byte, k *kind, a *answer) ([]byte, error) {
	if a.err != nil || k.append == nil {
		encoded, err := e.encode(k, a)
		return append(to, encoded...), err
	}
	encoded, err := k.append(to, a.value)
	if err != nil {
		return nil, failedToEncode(k, err)
	}
	return encoded, nil
}
