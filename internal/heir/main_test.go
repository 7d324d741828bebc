package heir

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
)

// TestMain is also the process that has an heir and is killed.
func TestMain(m *testing.M) {
	if folder := os.Getenv(removeVariable); folder != "" {
		if err := Remove(folder); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if folder := os.Getenv("DDC_TEST_LEAVES"); folder != "" {
		leave(folder)
	}
	goleak.VerifyTestMain(await.Watched(m))
}

// leave makes what the heir is to remove, says so, and waits to be killed.
func leave(folder string) {
	h, err := Start()
	if err == nil {
		err = h.Empty(folder + "/a")
	}
	if err == nil {
		err = h.Empty(folder + "/a/b")
	}
	if err == nil {
		err = os.MkdirAll(folder+"/a/b", 0o700)
	}
	for range 3 {
		var made string
		if err == nil {
			made, err = h.TempDir(folder+"/a/b", ".it's a  \"folder\" ")
		}
		if err == nil {
			err = os.WriteFile(made+"/file", nil, 0o600)
		}
	}
	fmt.Println(err)
	select {}
}
