package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"ddc/internal/enclosure"
	"ddc/internal/forker"
	"ddc/internal/proc"
	"ddc/internal/sandbox"
	"ddc/internal/tool"
	"ddc/plugin/agreement"
	"ddc/rpc"
	"ddc/wake"
)

// process is one run of a plugin.
type process struct {
	cmd      *exec.Cmd
	conn     connection
	link     link
	lifeline *os.File // closing it tells the plugin that the host has gone
	wardens  *enclosure.Host
	starting *starting
	exited   chan struct{} // closed when everything of the run but conn is over

	mu     sync.Mutex
	killed error // why kill was called
}

type processSpec struct {
	name    string
	program string // what is started
	open    string // the same as an open file, if it was checked
	path    string // what the program is told that it is called
	args    []string
	spin    wake.Spin
	level   slog.Level
	logger  *slog.Logger
	// allowance is what the plugin may have logged, in all its runs.
	allowance *allowance
	// temporary is the folder for its temporary files.
	temporary string
	heap      int64 // see Memory.Soft
	live      int64 // see Memory.Live
	requests  rpc.Bounds
	startTime time.Duration // see Options.StartTime
	versions  agreement.Versions
	serves    bool // see Calls.Services
}

// startProcess starts a plugin, which takes the offer. It does not wait for the
// plugin to attach. Calls wait for that, and fail if the plugin dies instead.
func startProcess(offer *offer, threads *forkers, spec processSpec) (_ *process, err error) {
	defer offer.letGo()
	defer func() {
		if err != nil {
			offer.link.PeerDied(err)
			err = errors.Join(err, offer.link.Close())
		}
	}()
	theirs, lifeline, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make lifeline: %w", err)
	}
	defer theirs.Close() //nolint:errcheck // the plugin has its own by then
	output, err := newOutput()
	if err != nil {
		return nil, errors.Join(err, lifeline.Close())
	}
	defer output.letGo() // the plugin has its own by then

	cmd := exec.Command(spec.program, spec.args...)
	cmd.Args[0] = spec.path
	cmd.Dir = tool.Folder()
	terms := agreement.Terms{
		Name: spec.name, Hub: offer.hub, GRPC: offer.hub == "", Spin: spec.spin, Level: spec.level, Requests: spec.requests, Live: spec.live, Versions: spec.versions, HostServes: spec.serves, NoPrograms: !threads.startPrograms(spec.name),
	}
	cmd.Env = slices.Concat(threads.environment(spec.name), terms.Environ(), []string{"TMPDIR=" + spec.temporary, "GOMAXPROCS=1"}, heapLimit(spec.heap), heapAtStart())
	cmd.Stdout, cmd.Stderr = output[0].theirs, output[1].theirs
	cmd.ExtraFiles = append([]*os.File{theirs}, offer.files...)
	kills := proc.OutOfMemoryKills()
	wardens, theirWardens, err := threads.wardens(spec.name, cmd)
	if err == nil {
		err = threads.start(spec.name, cmd, spec.open)
		_ = theirWardens.Close() // the plugin has its own by then; none is no harm
	}
	if err != nil {
		endWardens(wardens, spec.logger)
		return nil, errors.Join(err, lifeline.Close(), output.close())
	}
	makeExpendable(cmd.Process.Pid)
	p := &process{cmd: cmd, conn: offer.connect(), link: offer.link, lifeline: lifeline, wardens: wardens, exited: make(chan struct{})}
	p.starting = startWithin(spec.startTime, offer.link.Attached, func() time.Duration { return starvation(cmd.Process.Pid) }, p)
	go p.banish()
	go p.watch(&logs{logger: spec.logger, allowance: spec.allowance}, output, kills)
	return p, nil
}

// watch waits for the process to end, through the pidfd that package os holds,
// and then ends the link. So everyone who waits for the plugin learns of its
// end.
func (p *process) watch(l *logs, output output, kills int64) {
	defer close(p.exited)
	var forwarding sync.WaitGroup
	for _, end := range output {
		forwarding.Go(func() { l.forward(&toTheEnd{file: end.ours}, end.name) })
	}
	err := p.cmd.Wait()
	p.starting.stop()
	// What the plugin wrote before it died is in the pipes already. A child of
	// the plugin may still hold them open, so do not wait for the end of the
	// pipes.
	output.endSoon()
	forwarding.Wait()
	_ = output.close()
	p.mu.Lock()
	killed := p.killed
	p.mu.Unlock()
	if killed == nil {
		killed = cause(err, l.end.String(), p.hasAttached(), proc.MemoryRanOut(p.cmd.ProcessState, kills))
	}
	p.link.PeerDied(killed)
	_ = p.lifeline.Close()
	endWardens(p.wardens, l.logger)
}

// hasAttached holds for a process that has ended too: a socket that has ended
// is not attached any more.
func (p *process) hasAttached() bool { return p.link.Attached() || p.link.Stats().BytesIn > 0 }

// cause says how a plugin's process ended.
func cause(err error, said string, attached, memoryRanOut bool) error {
	if err == nil {
		err = errors.New("exit status 0")
	}
	if !attached { // many a program does so that is no plugin
		err = fmt.Errorf("%w, before it had attached to its host", err)
	}
	if memoryRanOut {
		err = fmt.Errorf("%w (the kernel has ended a process since memory ran out)", err)
	}
	if speaksNone(err) {
		err = ErrVersions
	}
	if said == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, said)
}

// kill is for a plugin that no longer answers. It works on a stopped process
// too.
func (p *process) kill(cause error) {
	p.mu.Lock()
	if p.killed == nil {
		p.killed = cause
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may have ended just now
}

// stop ends the plugin in good order, or by force once ctx is done. Nothing of
// the plugin is left when stop returns.
func (p *process) stop(ctx context.Context) error {
	err := p.conn.Close()
	select {
	case <-p.exited:
	case <-ctx.Done():
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.exited
	}
	return errors.Join(err, p.link.Close())
}

// confinedThread starts processes on a restricted thread, which lives as long
// as the host.
type confinedThread struct {
	thread *forker.Thread
	// program is the file that it may start, or nil if it may start any.
	program os.FileInfo
	ready   chan struct{} // closed when what follows is set
	held    sandbox.Layers
	failed  error // why the thread starts nothing
}

// newConfinedThread begins a thread, which calls restrict before it starts
// anything. If that fails, it starts nothing.
func newConfinedThread(restrict func() (sandbox.Layers, error)) *confinedThread {
	f := &confinedThread{ready: make(chan struct{})}
	f.thread = forker.New(func() {
		defer close(f.ready)
		f.held, f.failed = restrict()
	})
	return f
}

func (f *confinedThread) start(cmd *exec.Cmd) error {
	if <-f.ready; f.failed != nil {
		return f.failed
	}
	return f.thread.Start(cmd)
}

// layers are the sandbox layers of what the thread starts, or none as long as
// they are not known. It does not wait: a path of the policy may lie on a
// server that has gone.
func (f *confinedThread) layers() sandbox.Layers {
	select {
	case <-f.ready:
		return f.held
	default:
		return sandbox.Layers{}
	}
}
