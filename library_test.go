package ddc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outside is a program of another module: a host and its plugin, one program.
const outside = `package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/rpc"
	"ddc/transport/hub"
	"ddc/wake/strategy"
)

var (
	_ grpc.ClientConnInterface = (*rpc.Conn)(nil)
	_ *hub.Link
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "plugin" {
		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { grpc_health_v1.RegisterHealthServer(r, health.NewServer()) }))
		return
	}
	for _, wake := range strategy.Names() {
		if err := call(wake); err != nil {
			fmt.Fprintln(os.Stderr, wake, err)
			os.Exit(1)
		}
	}
}

func call(wake string) error {
	h, err := host.New(host.Options{Wake: wake, Command: func(string) (string, []string) { return "/proc/self/exe", []string{"plugin"} }})
	if err != nil {
		return err
	}
	defer h.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(h.Conn("health")).Check(ctx, new(grpc_health_v1.HealthCheckRequest))
	if err != nil {
		return err
	}
	fmt.Println(wake, answer.Status)
	return nil
}
`

// outsideTest holds a strategy of the other module against the suite.
const outsideTest = `package main

import (
	"testing"

	"ddc/conformance"
	"ddc/wake"
	"ddc/wake/pipe"
)

type mine struct{ pipe.Strategy }

func (mine) Name() string { return "mine" }

func made() wake.Strategy { return mine{} }

func TestMain(m *testing.M)        { conformance.Main(m, made) }
func TestConformance(t *testing.T) { conformance.TestWaker(t, made) }
`

// library are the packages of this module that such a program links: nothing of
// the site builder's.
var library = strings.Fields(`inspect inspect/text internal/absence internal/activity internal/dump internal/enclosure internal/fault
	internal/forker internal/heir internal/inuse internal/memory internal/printable internal/proc internal/sandbox
	internal/seccomp internal/step internal/subject internal/sys internal/tool internal/trace plugin plugin/agreement
	plugin/host plugin/spec ring rpc rpc/stock rpc/streamconn shm slot transport transport/hub transport/inproc wake wake/eventfd wake/futex
	wake/pipe wake/socketpair wake/strategy`)

func TestAnotherModuleUsesTheLibraryAndLinksNothingOfTheSiteBuilder(t *testing.T) {
	root, err := os.Getwd()
	require.NoError(t, err)
	folder := t.TempDir()
	ours, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	module := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(ours)[1]
	name := string(module)
	// What it needs itself is what this module needs, at the same versions.
	theirs := strings.Replace(string(ours), "module "+name, "module example.org/outside", 1) +
		"\nrequire " + name + " v0.0.0\n\nreplace " + name + " => " + root + "\n"
	sums, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	for file, text := range map[string]string{"go.mod": theirs, "go.sum": string(sums), "main.go": outside, "main_test.go": outsideTest} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644))
	}
	run := func(program string, args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), program, args...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", program, args, out)
		return string(out)
	}
	var linked []string
	for _, path := range strings.Fields(run("go", "list", "-deps", ".")) {
		if own, ok := strings.CutPrefix(path, name+"/"); ok {
			linked = append(linked, own)
		}
	}
	assert.ElementsMatch(t, library, linked)
	if testing.Short() {
		return // what follows is compiled, and waits for other processes
	}
	run("go", "build", "-o", "outside", ".")
	assert.Equal(t, 4, strings.Count(run(filepath.Join(folder, "outside")), " SERVING\n"))
	run("go", "test", "-run", "TestConformance/.*IsNotLost", ".")
}
