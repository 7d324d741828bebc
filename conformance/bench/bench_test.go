package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkStrategies runs the comparison as `ddc wake bench` does, and logs
// its table.
func BenchmarkStrategies(b *testing.B) {
	for b.Loop() {
		rows, err := Run(b.Context(), Options{Command: self})
		require.NoError(b, err)
		var table strings.Builder
		require.NoError(b, Table(&table, rows))
		b.Log("\n" + table.String())
	}
}
