package template

import (
	"cmp"
	"fmt"
)

// eval gives the value of an expression. What is undefined is an error.
func (r *render) eval(e expr) (value, error) { return r.value(e, false) }

// value is eval, but with soft a variable, field or item may be undefined, and
// so may what it is taken from.
func (r *render) value(e expr, soft bool) (value, error) {
	r.depth++
	v, err := undefined, r.work(1)
	if err == nil {
		v, err = r.part(e, soft)
	}
	r.depth--
	if err != nil {
		return undefined, e.at().wrong(err)
	}
	return v, nil
}

func (r *render) part(e expr, soft bool) (value, error) {
	switch e := e.(type) {
	case *constant:
		return e.value, nil
	case *variable:
		v, err := r.lookup(e.name)
		if err == nil && v.absent() && !soft {
			v.from.read()
			err = &missing{"unknown variable " + quote(e.name), cmp.Or(missingVariables[e.name], meant(e.name, r.known()))}
		}
		return v, err
	case *fieldOf:
		return r.fieldOf(e, soft)
	case *itemOf:
		return r.itemOf(e, soft)
	case *listOf:
		if err := r.spend(len(e.items) * itemBytes); err != nil {
			return undefined, err
		}
		items, err := r.args(e.items)
		return made(items), err
	case *dictOf:
		return r.dict(e)
	case *not:
		is, err := r.holds(e.of)
		return value{is: !is}, err
	case *logic:
		return r.logic(e)
	case *choice:
		is, err := r.holds(e.condition)
		switch {
		case err != nil:
			return undefined, err
		case is:
			return r.eval(e.then)
		}
		return r.eval(e.otherwise)
	case *operation:
		return r.operation(e)
	case *filtered:
		return r.filtered(e)
	case *tested:
		return r.tested(e)
	case *functionCall:
		return r.call(e)
	case *macroCall:
		return r.captured(func() error { return r.macro(e) })
	case *superCall:
		return r.captured(func() error { return r.super(e) })
	case *captured:
		return r.captured(func() error { return r.within(func() error { _, err := r.run(e.body); return err }) })
	}
	return undefined, fmt.Errorf("no expression is a %T", e)
}

func (r *render) fieldOf(e *fieldOf, soft bool) (value, error) {
	from, err := r.value(e.of, soft)
	switch {
	case err != nil:
		return undefined, err
	case soft:
		return r.take(from, textual(e.name))
	}
	return r.field(from, textual(e.name), func() string { return written(e.tokens) })
}

func (r *render) itemOf(e *itemOf, soft bool) (value, error) {
	from, err := r.value(e.of, soft)
	if err != nil {
		return undefined, err
	}
	index, err := r.eval(e.index)
	if err != nil {
		return undefined, err
	}
	index.from.read()
	if soft {
		return r.take(from, index)
	}
	return r.field(from, index, func() string { return written(e.tokens) })
}

// holds is whether a condition is true. Its parts may be undefined where
// authors may leave something out.
func (r *render) holds(condition expr) (bool, error) {
	if l, ok := condition.(*logic); ok {
		is, err := r.holds(l.left)
		if err != nil || is == l.or {
			return is, err
		}
		return r.holds(l.right)
	}
	v, err := r.asked(condition)
	v.from.read()
	return truth(v), err
}

func (r *render) logic(e *logic) (value, error) {
	left, err := r.eval(e.left)
	if err != nil {
		return undefined, err
	}
	left.from.read()
	if truth(left) == e.or {
		return left, nil
	}
	return r.eval(e.right)
}

func (r *render) operation(e *operation) (value, error) {
	left, err := r.eval(e.left)
	if err != nil {
		return undefined, err
	}
	right, err := r.eval(e.right)
	if err != nil {
		return undefined, err
	}
	left.from.read()
	right.from.read()
	return e.apply(r, left, right)
}

// args evaluates expressions. A nil expression gives undefined.
func (r *render) args(of []expr) ([]value, error) {
	values := make([]value, len(of))
	for i, e := range of {
		if values[i] = undefined; e == nil {
			continue
		}
		var err error
		if values[i], err = r.eval(e); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// operands evaluates what a filter or test works on. All of it counts as read.
func (r *render) operands(of expr, soft bool, with []expr) (value, []value, error) {
	v, err := r.value(of, soft)
	if err != nil {
		return undefined, nil, err
	}
	v.from.read()
	args, err := r.args(with)
	for _, a := range args {
		a.from.read()
	}
	return v, args, err
}

func (r *render) filtered(e *filtered) (value, error) {
	v, args, err := r.operands(e.of, e.filter.soft, e.args)
	if err != nil {
		return undefined, err
	}
	return e.filter.apply(r, v, args)
}

func (r *render) tested(e *tested) (value, error) {
	v, args, err := r.operands(e.of, e.test.soft, e.args)
	if err != nil {
		return undefined, err
	}
	is, err := e.test.holds(r, v, args)
	return value{is: is != e.negated}, err
}

// dict makes a dict. Its keys become texts, whatever they are.
func (r *render) dict(e *dictOf) (value, error) {
	if err := r.spend(len(e.keys) * entryBytes); err != nil {
		return undefined, err
	}
	fields := make(map[string]value, len(e.keys))
	for i := range e.keys {
		key, err := r.eval(e.keys[i])
		if err != nil {
			return undefined, err
		}
		name, err := r.text(key)
		if err != nil {
			return undefined, err
		}
		if fields[name], err = r.eval(e.values[i]); err != nil {
			return undefined, err
		}
	}
	return value{is: fields}, nil
}
