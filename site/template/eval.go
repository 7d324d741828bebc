package template

import (
	"fmt"
	"strings"
)

// render is one rendering: it runs statements, and works expressions out. It
// belongs to one goroutine.
type render struct {
	walker
	scope
	funcs Funcs
	out   *strings.Builder

	// chain is the template that is being shown, and its parents. block is the
	// current block, and where in the chain it stands.
	chain []*unit
	block blockAt

	// plain says that what is printed is no markup, and is not escaped.
	plain bool
}

type blockAt struct {
	name  string
	level int // in the chain
}

// flow is how a list of statements ended.
type flow int

const (
	onward flow = iota
	breaking
	continuing
)

// show renders a template. If it extends another, show renders the outermost
// parent, with the child's blocks in the place of the parent's.
func (r *render) show(u *unit) error {
	chain, block := r.chain, r.block
	r.chain, r.block = u.chain, blockAt{}
	_, err := r.run(u.chain[len(u.chain)-1].body)
	r.chain, r.block = chain, block
	return err
}

// run executes statements, up to a break or continue.
func (r *render) run(body []stmt) (flow, error) {
	r.depth++
	defer func() { r.depth-- }()
	for _, s := range body {
		next, err := onward, r.work(1)
		if err == nil {
			next, err = r.one(s)
		}
		if err != nil {
			return onward, s.stands().wrong(err)
		}
		if next != onward {
			return next, nil
		}
	}
	return onward, nil
}

func (r *render) one(s stmt) (flow, error) {
	switch s := s.(type) {
	case *textStmt:
		return onward, r.write(r.out, s.text)
	case *outputStmt:
		return onward, r.output(s)
	case *ifStmt:
		return r.choose(s)
	case *forStmt:
		return onward, r.loop(s)
	case *setStmt:
		v, err := r.eval(s.to)
		if err != nil {
			return onward, err
		}
		if s.global {
			return onward, r.setIn(r.outside(), s.name, v)
		}
		return onward, r.set(s.name, v)
	case *blockStmt:
		return onward, r.showBlock(s.place, s.name, 0)
	case *includeStmt:
		return onward, r.within(func() error { return r.show(s.unit) })
	case *jumpStmt:
		return s.flow, nil
	}
	return onward, fmt.Errorf("no statement is a %T", s)
}

// within makes a call one level deeper, with a frame of its own.
func (r *render) within(call func() error) error {
	if err := r.enter(); err != nil {
		return err
	}
	r.push()
	err := call()
	r.pop()
	r.depth--
	return err
}

// output prints a value. What a macro or a parent's block prints goes straight
// to the output.
func (r *render) output(s *outputStmt) error {
	switch e := s.of.(type) {
	case *macroCall:
		return r.macro(e)
	case *superCall:
		return r.super(e)
	}
	v, err := r.eval(s.of)
	if err != nil {
		return err
	}
	return s.of.at().placed(r.print(r.out, v))
}

// captured is what a call prints, as a value.
func (r *render) captured(call func() error) (value, error) {
	out := r.out
	r.out = &strings.Builder{}
	err := call()
	text := r.out.String()
	r.out = out
	return value{is: text, safe: true}, err
}

func (r *render) choose(s *ifStmt) (flow, error) {
	for _, b := range s.branches {
		is, err := r.holds(b.condition)
		if err != nil {
			return onward, err
		}
		if is {
			return r.run(b.body)
		}
	}
	return r.run(s.otherwise)
}

func (r *render) loop(s *forStmt) error {
	over, err := r.eval(s.list)
	if err != nil {
		return err
	}
	turns, err := r.turns(s, over)
	if err != nil {
		return err
	}
	if turns.length == 0 {
		_, err := r.run(s.otherwise)
		return err
	}
	l := &loop{length: turns.length}
	f := r.push()
	f.turn = true
	defer r.pop()
	for i := range turns.length {
		f.clear()
		l.index = i
		f.set("loop", value{is: l})
		item := turns.item(i)
		if len(s.names) == 1 {
			f.set(s.names[0], item)
		} else {
			parts, _ := listed(item)
			for n, name := range s.names {
				f.set(name, parts.item(n))
			}
		}
		next, err := r.run(s.body)
		if err == nil {
			err = r.work(1)
		}
		if err != nil {
			return err
		}
		if next == breaking {
			break
		}
	}
	return nil
}

// turns gives what a loop goes over, an item for each turn. An item is a list
// if the loop has several names.
func (r *render) turns(s *forStmt, over value) (list, error) {
	over.from.read()
	what := func() string { return written(s.tokens) }
	if n, isDict := entries(over); isDict {
		return r.pairs(s, over, n)
	}
	turns, isList := listed(over)
	if kind(over) == "string" {
		letters, err := r.items(over)
		if err != nil {
			return list{}, err
		}
		turns, isList = listed(made(letters))
	}
	if !isList {
		return list{}, fmt.Errorf("cannot loop over %s: it is %s", what(), articled(over))
	}
	if len(s.names) == 1 {
		return turns, nil
	}
	if err := r.work(turns.length); err != nil {
		return list{}, err
	}
	for i := range turns.length {
		item := turns.item(i)
		item.from.read()
		if parts, ok := listed(item); !ok || parts.length != len(s.names) {
			return list{}, fmt.Errorf("item %d of %s is no list of %d, as the names of this loop want", i, what(), len(s.names))
		}
	}
	return turns, nil
}

// pairs gives the fields of a dict, sorted by their names.
func (r *render) pairs(s *forStmt, over value, n int) (list, error) {
	if len(s.names) > 2 {
		return list{}, fmt.Errorf("a loop over a dict has one name or two, not %d", len(s.names))
	}
	if err := r.spend(n * (3*itemBytes + entryBytes)); err != nil {
		return list{}, err
	}
	if err := r.work(n); err != nil {
		return list{}, err
	}
	items := make([]value, n)
	for i, name := range keys(over) {
		v := entry(value{is: over.is}, name)
		if over.from != nil && v.from == nil {
			v.from = over.from.items()
		}
		if len(s.names) == 1 {
			items[i] = value{is: map[string]value{"key": textual(name), "value": v}}
		} else {
			items[i] = made([]value{textual(name), v})
		}
	}
	turns, _ := listed(made(items))
	return turns, nil
}

// showBlock shows a block as the first template of the chain, from a level on,
// defines it.
func (r *render) showBlock(at place, name string, level int) error {
	for ; level < len(r.chain); level++ {
		if err := r.work(1); err != nil {
			return err
		}
		found := r.chain[level].blocks[name]
		if found == nil {
			continue
		}
		outer := r.block
		r.block = blockAt{name, level}
		err := r.within(func() error {
			_, err := r.run(found.body)
			return err
		})
		r.block = outer
		return err
	}
	return at.errorf("no parent block exists", "")
}

// super shows the parent's version of the current block.
func (r *render) super(e *superCall) error {
	return e.placed(r.showBlock(e.place, r.block.name, r.block.level+1))
}

// macro calls a macro. The macro sees the variables of the line that calls it.
func (r *render) macro(e *macroCall) error {
	args, err := r.args(e.args)
	if err != nil {
		return err
	}
	return e.placed(r.within(func() error {
		for i, name := range e.macro.names {
			v := args[i]
			if e.args[i] == nil && e.macro.defaults[i] != nil {
				if v, err = r.eval(e.macro.defaults[i]); err != nil {
					return err
				}
			}
			if err := r.set(name, v); err != nil {
				return err
			}
		}
		_, err := r.run(e.macro.body)
		return err
	}))
}

func (p place) placed(err error) error {
	if err == nil {
		return nil
	}
	return p.wrong(err)
}
