package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Remove removes an output folder, and says whether there was one. A folder
// that no build wrote stays, with ErrForeign.
func Remove(final string) (bool, error) {
	realSystem().sweep(follow(final))
	if _, err := os.Stat(final); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err := ours(final); err != nil {
		return false, fmt.Errorf("refuse to remove %s: %w", final, err)
	}
	if err := os.RemoveAll(final); err != nil {
		return false, fmt.Errorf("remove the output: %w", err)
	}
	return true, nil
}
