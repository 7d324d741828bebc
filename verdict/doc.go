// Package verdict writes what a matrix, an exploration and a benchmark say.
package verdict
