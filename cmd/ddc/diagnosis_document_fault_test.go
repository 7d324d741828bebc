//go:build ddcfault

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	texttemplate "text/template"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/inspect"
	"ddc/internal/await"
	"ddc/internal/fault"
)

// hungBuild is a real build that hangs, and what the commands of the document
// say of it.
type hungBuild struct {
	Fault, Defect, Strategy, Flags string
	PID, Code                      int
	Inspect, Events, Dump          string // what each command says
	Inproc, Said, Report           string
}

// TestABuildThatHangsIsReportedAndGivenUp makes the three commands of
// docs/DIAGNOSIS.md on a real build.
func TestABuildThatHangsIsReportedAndGivenUp(t *testing.T) {
	b := seeHungBuild(t)
	assert.Equal(t, exitMachinery, b.Code)
	assert.Contains(t, b.Inspect, "lost wake-up (plugin sleeps, ")
	assert.Contains(t, b.Dump, "lost wake-up (plugin sleeps, ")
	assert.Contains(t, b.Events, "left a token")
	assert.Contains(t, b.Said, "hangs: lost wake-up")
	assert.Contains(t, b.Said, "given up (--on-hang=abort)")
	assert.Contains(t, b.Report, "lost wake-up")
}

// hangingSite has pages enough for each plugin to be rung more than ten times.
func hangingSite(t *testing.T) string {
	t.Helper()
	site := smallSite(t)
	for i := range 60 {
		write(t, site, fmt.Sprintf("content/page-%d.md", i), fmt.Sprintf("+++\ntitle = \"Page %d\"\n+++\n\nText.\n", i))
	}
	return site
}

func startFaulty(t *testing.T, name fault.Name, stderr *os.File, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	build := exec.CommandContext(t.Context(), program, args...)
	build.Env = append(os.Environ(), fault.Variable+"="+string(name), "TMPDIR=/tmp")
	build.Stderr = stderr
	require.NoError(t, build.Start())
	return build
}

func seeHungBuild(t *testing.T) hungBuild {
	t.Helper()
	for after := 8 * time.Second; ; after *= 3 {
		b, whole := lookAtHungBuild(t, after)
		if whole {
			return b
		}
		// A busy machine had no time to look before the build gave up.
		require.Less(t, after, time.Minute, "the build ended before it was looked at: %s", b.Said)
	}
}

// lookAtHungBuild looks at a build that gives up after a time; whole says that
// nothing of it was missed.
func lookAtHungBuild(t *testing.T, after time.Duration) (_ hungBuild, whole bool) {
	t.Helper()
	const name, strategy = fault.WrongPeerDoorbell, "socketpair"
	e, _ := fault.ByName(string(name))
	b := hungBuild{Fault: string(name), Defect: e.Defect, Strategy: strategy}
	site := hangingSite(t)
	said := filepath.Join(t.TempDir(), "stderr")
	stderr, err := os.Create(said)
	require.NoError(t, err)
	defer stderr.Close()
	b.Flags = " --wake " + strategy
	build := startFaulty(t, name, stderr, "build", site, "--wake", strategy, "--hang-after", after.String())
	b.PID = build.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- build.Wait() }()
	target := strconv.Itoa(b.PID)
	await.Until(t, "inspect to find the lost wake-up", func() bool {
		o := ddc(t, "inspect", target)
		b.Inspect = o.stdout
		return o.code == exitSite && strings.Contains(o.stdout, "lost wake-up") || len(ended) > 0
	}, func() string { return b.Inspect })
	all := ddc(t, "inspect", "--events", target).stdout
	_, b.Events, whole = strings.Cut(all, ": last events\n")
	b.Events = lastLines(b.Events, 12)
	var dump string
	if len(ended) == 0 {
		_ = build.Process.Signal(syscall.SIGUSR1) // it may just have ended
		await.Until(t, "the build to dump its state", func() bool {
			over := len(ended) > 0
			text, err := os.ReadFile(said)
			require.NoError(t, err)
			dump = string(text)
			return strings.Contains(dump, " goroutines\n") || over
		}, func() string { return dump })
	}
	b.Dump, whole = dumpExcerpt(dump), whole && strings.Contains(dump, " goroutines\n")
	assert.Error(t, await.Value(t, "the build to give up", ended))
	b.Code = build.ProcessState.ExitCode()
	text, err := os.ReadFile(said)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "hangs: ") {
			b.Said += line
		}
	}
	if file := regexp.MustCompile(`/tmp/ddc-hang-\S+\.txt`).FindString(b.Said); assert.NotEmpty(t, file) {
		report, err := os.ReadFile(file)
		require.NoError(t, err)
		b.Report = firstLines(string(report), 12)
		assert.NoError(t, os.Remove(file))
	}
	o := ddc(t, "build", site, "--transport", "inproc")
	require.Zero(t, o.code, o.stderr)
	b.Inproc = strings.ReplaceAll(o.stdout, filepath.Dir(site)+"/", "")
	return b, whole
}

func firstLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[:min(n, len(lines))], "")
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(strings.TrimRight(text, "\n")+"\n", "\n")
	return strings.Join(lines[max(0, len(lines)-1-n):], "")
}

// dumpExcerpt is the link that is wrong, and how many goroutines wait for what.
func dumpExcerpt(dump string) string {
	var excerpt []string
	keep := false
	for line := range strings.Lines(dump) {
		switch {
		case strings.Contains(line, ": lost wake-up ("), strings.HasSuffix(line, " goroutines\n"):
			keep = true
		case !strings.HasPrefix(line, "  "):
			keep = false
		}
		if keep {
			excerpt = append(excerpt, line)
		}
		if strings.HasPrefix(line, "goroutine ") {
			break
		}
	}
	return strings.Join(excerpt, "")
}

type diagnosisRow struct{ Fault, Strategies, Text string }

// diagnosisDocument is docs/DIAGNOSIS.md, as this run made it.
func diagnosisDocument(t *testing.T, table map[fault.Name]map[string]seen) string {
	t.Helper()
	var rows []diagnosisRow
	for _, e := range fault.Catalogue() {
		rows = append(rows, diagnosisRows(e, table[e.Name])...)
	}
	text, err := os.ReadFile("testdata/diagnosis.md.tmpl")
	require.NoError(t, err)
	page, err := texttemplate.New("page").Parse(string(text))
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, page.Execute(&out, struct {
		Build hungBuild
		Rows  []diagnosisRow
	}{seeHungBuild(t), rows}))
	return out.String()
}

// diagnosisRows are a fault's rows: strategies of which the same is said share
// one.
func diagnosisRows(e fault.Entry, on map[string]seen) []diagnosisRow {
	var rows []diagnosisRow
	for _, strategy := range strategiesOf(&e) {
		s, ok := on[strategy]
		if !ok {
			continue
		}
		text := diagnosisText(e.Name, s)
		i := slices.IndexFunc(rows, func(r diagnosisRow) bool { return r.Text == text })
		if i < 0 {
			rows = append(rows, diagnosisRow{string(e.Name), strategy, text})
			continue
		}
		rows[i].Strategies += ", " + strategy
	}
	return rows
}

var numbers = regexp.MustCompile(`process \d+|index \d+|\b\d+ (frames?|repl(y|ies)|are)\b`)

// diagnosisText is what inspect said of a cell, without what differs from run
// to run.
func diagnosisText(name fault.Name, s seen) string {
	right := rightDiagnoses(name)
	for _, l := range s.inspect {
		if slices.Contains(right, l.Kind) {
			text := "`" + numbers.ReplaceAllStringFunc(l.Text, func(n string) string {
				first, what, _ := strings.Cut(n, " ")
				if first == "process" || first == "index" {
					return first + " N"
				}
				return "N " + cmp.Or(map[string]string{"frame": "frames", "reply": "replies"}[what], what)
			}) + "`"
			if name == fault.TimeoutHeals {
				text += ", for up to 100 ms at a time"
			}
			return text
		}
	}
	return string(inspect.Healthy)
}

// Rescue gets a build out of a hang, and hides nothing.
func TestARescuedBuildThatHangsEndsAndSaysSo(t *testing.T) {
	site := hangingSite(t)
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer said.Close()
	output, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	require.NoError(t, err)
	defer output.Close()
	program, err := os.Executable()
	require.NoError(t, err)
	build := exec.CommandContext(t.Context(), program, "build", site, "--json", "--wake", "pipe", "--on-hang", "rescue", "--hang-after", "300ms")
	build.Env = append(os.Environ(), fault.Variable+"="+string(fault.FlagTakenRingFails), "TMPDIR="+t.TempDir())
	build.Stdout, build.Stderr = output, said
	require.NoError(t, build.Run())
	text, err := os.ReadFile(output.Name())
	require.NoError(t, err)
	var report buildReport
	require.NoError(t, json.Unmarshal(text, &report))
	assert.NotEmpty(t, report.Hangs)
	assert.Empty(t, report.Errors)
	loud, err := os.ReadFile(said.Name())
	require.NoError(t, err)
	assert.Contains(t, string(loud), "this is a defect all the same")
}
