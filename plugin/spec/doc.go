// Package spec is what one of ddc's own plugins says of itself, beside its service:
// what it may do, and how long its calls may take.
package spec
