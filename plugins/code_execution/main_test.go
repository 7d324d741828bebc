package code_execution

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// playPlugin, if set, makes the test binary a process that runs the sample in
// it, says how that ended, and waits for the end of its input. playMilliseconds
// is the sample's time, ten minutes if not set.
const (
	playPlugin       = "PLAY_PLUGIN_WITH_SAMPLE"
	playMilliseconds = "PLAY_PLUGIN_FOR"
)

func TestMain(m *testing.M) {
	if sample := os.Getenv(playPlugin); sample != "" {
		milliseconds, err := strconv.Atoi(cmp.Or(os.Getenv(playMilliseconds), "600000"))
		if err != nil {
			panic(err)
		}
		res, err := New().Execute(context.Background(), &pb.ExecuteRequest{Sample: script(sample), Language: shell(), TimeoutMs: int32(milliseconds)})
		if err != nil {
			fmt.Fprintln(os.Stderr, "the sample could not be run:", err)
			os.Exit(1)
		}
		fmt.Println("ended", res.GetExitCode())
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	goleak.VerifyTestMain(await.Watched(m))
}
