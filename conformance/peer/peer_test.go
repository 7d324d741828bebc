package peer

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/plugin"
	"ddc/plugin/agreement"
)

func TestMain(m *testing.M) {
	if os.Getenv(agreement.Version) != "" {
		serveFault(os.Getenv(faultVariable))
		plugin.Main(Service())
	}
	goleak.VerifyTestMain(await.Watched(m))
}

func TestTheServiceInGoPasses(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range Rooms() {
		for _, trial := range Trials() {
			t.Run(room.String()+"/"+trial.Name, func(t *testing.T) {
				if err := trial.Run(t.Context(), Subject{Program: program, Wake: "futex", Room: room, Rounds: 4}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
