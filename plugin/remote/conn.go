package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/health" // asks workers whether they are well
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"ddc/plugin/remote/remotepb"
	"ddc/rpc"
)

// ErrUnfit is the error of workers that cannot answer as this program would:
// another program, other tools, or not all of the plugins. Start the worker
// from the same program.
var ErrUnfit = errors.New("the worker does not fit")

// unfitError says why.
type unfitError struct{ text string }

func (e unfitError) Error() string { return e.text }
func (e unfitError) Unwrap() error { return ErrUnfit }

// Identity is what both ends must have in common.
type Identity struct {
	// Program is a digest of all that the program was made from.
	Program string
	// Version is the program's, for people.
	Version string
}

// Options say how workers are called.
type Options struct {
	// TLS, if nil, lets connections be made on this machine only.
	TLS *TLS
	// Identity is this program's.
	Identity Identity
	// Tools is a digest of the external programs that a plugin drives, by the
	// plugin's name, or "" where this machine does not have them: then any will
	// do, as long as all workers have the same.
	Tools func(plugin string) string
	// CallTimeout is how long an attempt of a plugin's call may take, by the
	// plugin's name. It is for workers that say nothing at all: a worker has
	// bounds of its own.
	CallTimeout func(plugin string) time.Duration
	// Replies, if not nil, bounds the answers to a method, in bytes. Calls that
	// answer more fail with ResourceExhausted.
	Replies func(method string) rpc.Bounds
	// MaxMessage is the largest request, and the largest reply where Replies
	// says none, in bytes; 0 is 256 MiB.
	MaxMessage int
	// Wait is how long Dial waits for a worker that is well; 0 is 10 s.
	Wait time.Duration
}

const (
	defaultMaxMessage = 256 << 20
	defaultWait       = 10 * time.Second
)

// serviceConfig has each call go to the next worker that is well, and be made
// again elsewhere if a worker ends under it. A call that a worker's plugin was
// lost with is not made again: the worker has tried, and forbids it.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"healthCheckConfig": {"serviceName": "` + healthName + `"},
	"methodConfig": [{"name": [{}], "retryPolicy": {
		"maxAttempts": 5, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]
	}}]
}`

// healthName is the service whose health is a worker's.
const healthName = "ddc.worker.v1.Worker"

// How soon the end of a machine is noticed, and how long a connection may take.
const (
	pingEvery   = 20 * time.Second
	pingTimeout = 10 * time.Second
	dialTimeout = 5 * time.Second
	redialMax   = 5 * time.Second
)

// Conn makes the calls of plugins to the workers of one target. It is safe for
// any number of goroutines.
type Conn struct {
	target  string
	options Options
	grpc    *grpc.ClientConn
	plugins map[string]*Plugin
}

// Dial connects to the workers of a target, and asks one of them whether it
// fits. The target is as for [CheckTarget]; names are the plugins to call
// there. Errors wrap [ErrUnfit] if the worker does not fit, and [ErrPlain] if
// certificates are missing.
func Dial(ctx context.Context, target string, names []string, o Options) (*Conn, error) {
	if err := CheckTarget(target, o.TLS != nil); err != nil {
		return nil, err
	}
	secured, err := o.TLS.dialling()
	if err != nil {
		return nil, err
	}
	o.MaxMessage = cmp.Or(o.MaxMessage, defaultMaxMessage)
	c := &Conn{target: target, options: o, plugins: map[string]*Plugin{}}
	c.grpc, err = grpc.NewClient(target,
		grpc.WithTransportCredentials(secured), grpc.WithDefaultServiceConfig(serviceConfig), grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: dialTimeout, Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: redialMax}}),
		grpc.WithStatsHandler(counter{}),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	if err := c.agree(ctx, names); err != nil {
		return nil, errors.Join(err, c.grpc.Close())
	}
	return c, nil
}

// agree asks a worker what it is, and makes the plugins if it fits.
func (c *Conn) agree(ctx context.Context, names []string) error {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(c.options.Wait, defaultWait))
	defer cancel()
	said, err := remotepb.NewWorkerClient(c.grpc).Describe(limited, &remotepb.DescribeRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return c.unanswered(ctx, err)
	}
	if err := c.sameProgram(said); err != nil {
		return err
	}
	for _, name := range names {
		at := slices.IndexFunc(said.Plugins, func(p *remotepb.Plugin) bool { return p.Name == name })
		if at < 0 {
			return unfitError{fmt.Sprintf("%s does not run the plugin %s (worker --plugins)", c.target, name)}
		}
		theirs := said.Plugins[at].Tools
		if ours := c.options.tools(name); ours != "" && ours != theirs {
			return unfitError{fmt.Sprintf("the programs that %s drives are others on %s than here, and might answer otherwise: install the same versions", name, c.target)}
		}
		p := &Plugin{conn: c, name: name, tools: theirs, pause: firstPause}
		if c.options.CallTimeout != nil {
			p.limit = c.options.CallTimeout(name)
		}
		c.plugins[name] = p
	}
	return nil
}

func (o *Options) tools(name string) string {
	if o.Tools == nil {
		return ""
	}
	return o.Tools(name)
}

func (c *Conn) sameProgram(said *remotepb.DescribeResponse) error {
	ours := c.options.Identity
	if said.Program == ours.Program {
		return nil
	}
	return unfitError{fmt.Sprintf("%s is %s, and this is %s, of another build: they might answer differently. Start workers and builds from the same program", c.target, said.Version, ours.Version)}
}

// unanswered explains why nobody said what a worker is.
func (c *Conn) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := status.Convert(err)
	reason := s.Message()
	switch {
	case s.Code() == codes.Unimplemented:
		return fmt.Errorf("%s is no ddc worker: %s", c.target, reason)
	case s.Code() == codes.DeadlineExceeded:
		reason = strings.TrimPrefix(reason, "context deadline exceeded while waiting for connections to become ready")
		return fmt.Errorf("no worker answers at %s within %v: %s (%s)", c.target, cmp.Or(c.options.Wait, defaultWait), adviceOn(reason, c.options.TLS != nil), strings.TrimPrefix(reason, ": "))
	}
	return fmt.Errorf("ask the worker at %s what it is: %w", c.target, err)
}

// Plugin gives the connection to a plugin that Dial was given, else nil.
func (c *Conn) Plugin(name string) *Plugin { return c.plugins[name] }

// Close fails the calls under way, and leaves nothing open.
func (c *Conn) Close() error {
	if err := c.grpc.Close(); err != nil && status.Code(err) != codes.Canceled {
		return fmt.Errorf("close the connection to %s: %w", c.target, err)
	}
	return nil
}
