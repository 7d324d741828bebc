package matrix

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ddc/internal/fault"
)

// A host process that writes nothing for silence counts as frozen: it writes
// twice a second. On a busy machine it may have had no processor meanwhile, and
// gets more time for that, mostSilences in all.
const (
	silence      = 20 * time.Second
	mostSilences = 15
)

// runCell runs one cell. An error is one of the machinery, or ctx's.
func runCell(ctx context.Context, o Options, t task, progress func(news)) (_ Cell, err error) {
	begun := time.Now()
	defer func() {
		if err != nil {
			err = fmt.Errorf("fault %s on %s: %w", t.Fault, t.Strategy, err)
		}
	}()
	// All temporary files of the cell's processes are in this folder.
	folder, err := os.MkdirTemp(o.Folder, "ddc-matrix-")
	if err != nil {
		return Cell{}, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a leftover in the temporary folder is no verdict
	t.Output = filepath.Join(folder, "site")
	host, err := startHost(o, t, folder)
	if err != nil {
		return Cell{}, err
	}
	outcome, err := host.outcome(ctx, progress)
	err = errors.Join(err, host.end())
	if err != nil {
		return Cell{}, err
	}
	return Cell{Fault: t.Fault, Strategy: t.Strategy, InARow: t.InARow, Outcome: outcome, Seconds: time.Since(begun).Seconds()}, nil
}

// hostProcess is the host process of a cell, and leads a process group.
type hostProcess struct {
	cmd      *exec.Cmd
	lifeline io.Closer
	news     chan news
	said     bytes.Buffer // on standard error
}

func startHost(o Options, t task, folder string) (*hostProcess, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	h := &hostProcess{cmd: exec.Command(o.Program, o.Args...), news: make(chan news, 16)}
	h.cmd.Env = append(os.Environ(), variable+"="+string(text), "TMPDIR="+folder)
	if t.Fault != NoFault {
		h.cmd.Env = append(h.cmd.Env, "DDC_FAULT="+t.Fault)
	}
	h.cmd.Stderr = &h.said
	if t.Hold {
		// It is a file because it is read while the process runs.
		f, err := os.Create(heldStderr(folder))
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // the process has its own
		h.cmd.Stderr = f
	}
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if h.lifeline, err = h.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start the host process: %w", err)
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the host process: %w", err)
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the host process: %w", err)
	}
	go h.read(stdout)
	return h, nil
}

// maxNews bounds one line of news.
const maxNews = 4 << 20

func (h *hostProcess) read(r io.Reader) {
	defer close(h.news)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxNews)
	for lines.Scan() {
		var n news
		if json.Unmarshal(lines.Bytes(), &n) == nil {
			h.news <- n
		}
	}
	_, _ = io.Copy(io.Discard, r)
}

// outcome waits for it.
func (h *hostProcess) outcome(ctx context.Context, progress func(news)) (Outcome, error) {
	last := news{}
	timer := time.NewTimer(silence)
	defer timer.Stop()
	ran, silences := hasRun(h.cmd.Process.Pid), 0
	for {
		select {
		case n, ok := <-h.news:
			switch {
			case !ok:
				return h.crashed(last), nil
			case n.Outcome != nil:
				return *n.Outcome, nil
			}
			last = n
			progress(n)
			timer.Reset(silence)
			ran, silences = hasRun(h.cmd.Process.Pid), 0
		case <-timer.C:
			if silences++; silences < mostSilences && starves(h.cmd.Process.Pid, ran, silence) {
				timer.Reset(silence)
				continue
			}
			e := &Evidence{HostThreads: threadWaits(h.cmd.Process.Pid)}
			e.Words = []string{fmt.Sprintf("the host process does nothing more at all: its threads are in %s", counts(e.HostThreads))}
			return Outcome{Verdict: Hung, Why: e.Words[0], Stage: last.Stage, Answered: last.Answered, Evidence: e}, nil
		case <-ctx.Done():
			return Outcome{}, context.Cause(ctx)
		}
	}
}

// crashed is the outcome of a host process that ended without one.
func (h *hostProcess) crashed(last news) Outcome {
	_ = h.cmd.Wait()
	why := fmt.Sprintf("the host process ended (%v)", h.cmd.ProcessState)
	for line := range strings.Lines(h.said.String()) {
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "ddc:") {
			why += ": " + strings.TrimSpace(line)
			break
		}
	}
	return Outcome{Verdict: Failed, Why: why, Stage: last.Stage, Answered: last.Answered}
}

// groupTime bounds the end of a process group that was killed.
const groupTime = 10 * time.Second

// end kills the whole process group, and waits until nothing of it runs.
func (h *hostProcess) end() error {
	group := h.cmd.Process.Pid
	_ = h.lifeline.Close()
	// Nobody has waited for the leader yet, and a zombie's number is not
	// reused, so the group is still this one.
	_ = syscall.Kill(-group, syscall.SIGKILL)
	for range h.news { // until its end
	}
	_ = h.cmd.Wait() // that it was killed is no news
	for deadline := time.Now().Add(groupTime); groupAlive(group); time.Sleep(2 * time.Millisecond) {
		_ = syscall.Kill(-group, syscall.SIGKILL) // those that were being started
		if time.Now().After(deadline) {
			return fmt.Errorf("processes of group %d are still there %v after they were killed", group, groupTime)
		}
	}
	return nil
}

// expectation is what the catalogue says of a cell.
func expectation(name, strategy string) Expectation {
	if name == NoFault {
		return Expectation{Reason: "no fault is on"}
	}
	e, _ := fault.ByName(name)
	x := Expectation{Reason: e.Immune}
	if strategy == Inproc {
		x.Bites, x.Reason = e.Inproc, "nobody is woken: all is in one process"
	} else {
		x.Bites = e.Bites(strategy)
	}
	if x.Bites {
		x.Rare, x.Reason = e.Rare, e.Window
		for _, kind := range e.Shows {
			x.Shows = append(x.Shows, Verdict(kind))
		}
	}
	return x
}

// agrees says whether an outcome is what was expected.
func (x Expectation) agrees(v Verdict) bool {
	if !x.Bites || x.Rare && v == Immune {
		return v == Immune
	}
	for _, s := range x.Shows {
		if s == v {
			return true
		}
	}
	return false
}
