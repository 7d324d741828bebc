package template

import (
	"context"
	"errors"
	"fmt"

	"ddc/internal/diagnostic"
)

// function is what templates call by its name alone. So far each takes a path.
type function struct {
	signature
	// ask gives the site's function that answers, or nil if the site has none.
	ask func(f Funcs) func(path string) (any, error)
}

// functions by name. It is never changed.
var functions = map[string]function{
	"get_url": {takes(1, "path"), func(f Funcs) func(string) (any, error) {
		if f.GetURL == nil {
			return nil
		}
		return func(path string) (any, error) { return f.GetURL(path) }
	}},
	"get_section": {takes(1, "path"), func(f Funcs) func(string) (any, error) { return f.GetSection }},
}

func (r *render) call(c *functionCall) (value, error) {
	args, err := r.args(c.args)
	if err != nil {
		return undefined, err
	}
	args[0].from.read()
	path, ok := args[0].is.(string)
	if !ok {
		return undefined, c.errorf(c.name+" needs a path in text, not "+articled(args[0]), "")
	}
	// The site's function may take long, so do not call it once the context is
	// over.
	if err := r.ctx.Err(); err != nil {
		return undefined, err
	}
	if err := r.spend(len(path)); err != nil {
		return undefined, c.wrong(err)
	}
	ask := c.function.ask(r.funcs)
	if ask == nil {
		return undefined, c.wrong(fmt.Errorf("%s: this site has no function %s", c.name, c.name))
	}
	result, err := ask(path)
	if err != nil {
		return undefined, c.wrong(fmt.Errorf("%s: %w", c.name, err))
	}
	return wrap(result, r.paths.call(c.name, path)), nil
}

// wrong gives an error its place, unless it has one already, or only says that
// the context has ended.
func (p place) wrong(err error) error {
	if errors.Is(err, ErrOverBudget) {
		return err
	}
	if placed, ok := errors.AsType[*diagnostic.Problem](err); ok {
		return placed
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if e, ok := errors.AsType[*exhausted](err); ok {
		return overBudget{p.errorf(e.message, e.hint)}
	}
	hint := ""
	if e, ok := errors.AsType[*missing](err); ok {
		hint = e.hint
	}
	return p.errorf(err.Error(), hint)
}
