// Package subject carries what a call works on, a file or a URL, to those who
// note calls, so that a report of a hang names the page and not the method
// alone:
//
//	ctx = subject.With(ctx, "content/guide/quick-start.md:14")
//
// Nothing is decided by it. It does not travel to a plugin. It does travel to a
// worker on another machine, for the worker's log.
package subject

import "context"

type key struct{}

// With says what the calls of a context work on.
func With(ctx context.Context, text string) context.Context {
	return context.WithValue(ctx, key{}, text)
}

// Of is what a call works on, "" where nobody has said.
func Of(ctx context.Context) string {
	text, _ := ctx.Value(key{}).(string)
	return text
}
