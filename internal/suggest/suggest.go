// Package suggest finds the name that a mistyped one most likely meant.
//
//	if near := suggest.Nearest("contnet", []string{"content", "output"}); near != "" {
//		hint = "did you mean " + near + "?"
//	}
//
// It compares with every candidate, so it is for lists of names that a person
// could have read, not for dictionaries.
package suggest

import (
	"strings"
	"unicode/utf8"
)

// Nearest gives the candidate nearest to a word, or "" if none is near: a
// third of the letters may differ, and one more; beyond that a guess misleads.
// Case does not count. The first of equally near candidates wins.
func Nearest(word string, candidates []string) string {
	length := utf8.RuneCountInString(word)
	best, limit := "", length/3+1
	for _, candidate := range candidates {
		// So many letters at least have to be inserted or deleted: a word of a
		// megabyte is near to no name, and is not compared letter by letter.
		if apart := length - utf8.RuneCountInString(candidate); apart > limit || -apart > limit {
			continue
		}
		distance := Distance(strings.ToLower(word), strings.ToLower(candidate))
		if distance < len([]rune(candidate)) && (distance < limit || distance == limit && best == "") {
			best, limit = candidate, distance
		}
	}
	return best
}

// Distance counts the letters to insert, delete, replace or swap with their
// neighbour that turn a into b.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(from); i++ {
		for j := 1; j <= len(to); j++ {
			replace := rows[i-1][j-1]
			if from[i-1] != to[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(from)][len(to)]
}
