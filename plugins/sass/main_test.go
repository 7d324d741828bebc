package sass

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/plugins/sass/sasspb"
)

// orphanVariable turns this test binary into a process that starts the
// compiler, says which process that is, compiles what the variable holds, and
// waits to be killed.
const orphanVariable = "DDC_TEST_SASS_ORPHAN"

func TestMain(m *testing.M) {
	source := os.Getenv(orphanVariable)
	if source == "" {
		goleak.VerifyTestMain(await.Watched(m))
		return
	}
	s := New()
	for _, text := range []string{"a{b:c}", source} {
		_, err := s.Compile(context.Background(), &sasspb.CompileRequest{Files: map[string]string{entry: text}})
		fmt.Println(childProcesses(), status.Code(err))
	}
	select {}
}
