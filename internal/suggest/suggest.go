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

// A guess has bounds, whatever names a site brings: nobody mistypes a longer
// name than longest, and no more than most candidates are compared letter by
// letter.
const longest, most = 128, 2000

// Nearest gives the candidate nearest to a word, or "" if none is near: a
// third of the letters may differ, and one more; beyond that a guess misleads.
// Case does not count. The first of equally near candidates wins.
func Nearest(word string, candidates []string) string {
	if len(word) > longest {
		return ""
	}
	length := utf8.RuneCountInString(word)
	best, limit := "", length/3+1
	compared := 0
	for _, candidate := range candidates {
		if len(candidate) > longest {
			continue
		}
		// So many letters at least have to be inserted or deleted.
		if apart := length - utf8.RuneCountInString(candidate); apart > limit || -apart > limit {
			continue
		}
		if compared++; compared > most {
			break
		}
		distance := Distance(strings.ToLower(word), strings.ToLower(candidate))
		if distance < len([]rune(candidate)) && (distance < limit || distance == limit && best == "") {
			best, limit = candidate, distance
		}
	}
	return best
}

// Distance counts the letters to insert, delete, replace or swap with their
// neighbour that turn a into b. Its time grows with the product of their
// lengths.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	// The rows of the letter at hand, of the one before it, and of that before.
	row, above, higher := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row, above, higher = higher, row, above
		row[0] = i
		for j := 1; j <= len(to); j++ {
			replace := above[j-1]
			if from[i-1] != to[j-1] {
				replace++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], higher[j-2]+1)
			}
		}
	}
	return row[len(to)]
}
