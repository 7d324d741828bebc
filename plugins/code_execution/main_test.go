package code_execution

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	pb "ddc/plugins/code_execution/code_executionpb"
)

// playPlugin, if set, makes the test binary a process that runs the sample in it, says how that ended, and waits for the end of its input.
const playPlugin = "PLAY_PLUGIN_WITH_SAMPLE"

func TestMain(m *testing.M) {
	if sample := os.Getenv(playPlugin); sample != "" {
		res, err := New().Execute(context.Background(), &pb.ExecuteRequest{Sample: script(sample), Language: shell(), TimeoutMs: 600_000})
		if err != nil {
			fmt.Fprintln(os.Stderr, "the sample could not be run:", err)
			os.Exit(1)
		}
		fmt.Println("ended", res.GetExitCode())
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
