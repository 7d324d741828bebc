package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"ddc/plugin"
)

// Mischief is what plugins of the tests are told to do to themselves, by an
// environment variable: a folder, and acts such as "markdown:3:exit", each done
// once, by the first run of the plugin that gets so far. A file in the folder
// says that an act is done. The plugin, which may write nowhere, asks for it on
// its standard error, and waits until the test has made it. The variable is one
// that sandboxes let through.
const envMischief = "LC_DDC_MISCHIEF"

// asking begins the line by which a plugin asks.
const asking = "mischief: "

// poison in a request is what a plugin dies of each time, if envMischief is
// set.
const poison = "ddc-poison"

// mischiefs are what a handler can do to its process, or to itself.
var mischiefs = map[string]func(){
	"kill":  func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} },
	"stop":  func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) },
	"exit":  func() { os.Exit(1) },
	"crash": func() { go panic("as told"); select {} },
	"panic": func() { panic("as told") },
	"hang":  func() { select {} },
	"rave":  func() { panic(hostile) },
	"slander": func() {
		fmt.Fprintln(os.Stderr, hostile)
		slog.Error(hostile, "cause", errors.New(hostile), hostile, hostile)
		fmt.Fprintf(os.Stderr, `{"level":"WARN","msg":"\u009b31m\u202e","plugin":"\u001b]0;x\u0007","x":["\u202e"]}`+"\n")
		_, _ = os.Stderr.WriteString("no end " + strings.Repeat("\x1b[31m", 100_000) + "\n")
		go panic(hostile)
		select {}
	},
	"exhaust": func() {
		// Whatever the machine has: from here on 64 MB, if that, are all that
		// there is.
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most := m.Sys + 64<<20
		_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: most, Max: most})
		for all := [][]byte{}; ; {
			all = append(all, bytes.Repeat([]byte{1}, 1<<20))
		}
	},
}

// misbehave is the program of a plugin that has something in mind.
func misbehave(name string) {
	service, err := openService(name)
	if err != nil {
		panic(err)
	}
	m := &mischief{Service: service}
	folder, acts, _ := strings.Cut(os.Getenv(envMischief), "|")
	for _, text := range strings.Split(acts, ",") {
		if parts := strings.Split(text, ":"); len(parts) == 3 && parts[0] == name {
			at, _ := strconv.ParseInt(parts[1], 10, 64)
			m.acts = append(m.acts, &act{name: text, at: at, do: mischiefs[parts[2]], token: filepath.Join(folder, text)})
		}
	}
	plugin.Main(m)
}

type act struct {
	name  string
	at    int64
	do    func()
	token string

	mu   sync.Mutex
	done bool
}

// due says whether it is this run's to do.
func (a *act) due(call int64) bool {
	if call < a.at {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done || a.granted() {
		a.done = true
		return false
	}
	a.done = true
	fmt.Fprintln(os.Stderr, asking+a.name)
	for deadline := time.Now().Add(time.Minute); !a.granted(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			panic("nobody grants " + a.name)
		}
	}
	return true
}

func (a *act) granted() bool {
	_, err := os.Stat(a.token)
	return err == nil
}

// granting is a build's standard error. It makes the tokens that plugins ask
// for there.
type granting struct {
	said   *bytes.Buffer
	folder string
	looked int
}

var asked = regexp.MustCompile(asking + `([a-z_]+:[0-9]+:[a-z]+)"?[ \n]`)

func (g *granting) Write(p []byte) (int, error) {
	n, err := g.said.Write(p)
	text := g.said.Bytes()
	end := bytes.LastIndexByte(text, '\n') + 1
	for _, m := range asked.FindAllSubmatch(text[g.looked:end], -1) {
		if err := os.WriteFile(filepath.Join(g.folder, string(m[1])), nil, 0o600); err != nil {
			return n, err
		}
	}
	g.looked = end
	return n, err
}

type mischief struct {
	plugin.Service
	calls atomic.Int64
	acts  []*act
}

// Register puts the mischief around every handler.
func (m *mischief) Register(r grpc.ServiceRegistrar) { m.Service.Register(&mischiefRegistrar{r, m}) }

type mischiefRegistrar struct {
	grpc.ServiceRegistrar
	m *mischief
}

func (r *mischiefRegistrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	wrapped := *desc
	wrapped.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, method := range desc.Methods {
		wrapped.Methods[i] = grpc.MethodDesc{MethodName: method.MethodName,
			Handler: func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
				var answer []byte
				watched := func(request any) error {
					err := decode(request)
					if os.Getenv(envLiar) != "" {
						answer = liesTo(request.(proto.Message))
					}
					if text, e := proto.Marshal(request.(proto.Message)); e == nil && bytes.Contains(text, []byte(poison)) {
						fmt.Fprintln(os.Stderr, "panic: poisoned")
						os.Exit(2)
					}
					return err
				}
				call := r.m.calls.Add(1)
				// Every other act waits until the work is done, and only the
				// answer is missing.
				for i, a := range r.m.acts {
					if i%2 == 0 && a.due(call) {
						a.do()
					}
				}
				reply, err := method.Handler(srv, ctx, watched, interceptor)
				for i, a := range r.m.acts {
					if i%2 == 1 && a.due(call) {
						a.do()
					}
				}
				if answer != nil && err == nil {
					reply.(proto.Message).ProtoReflect().SetUnknown(answer)
				}
				return reply, err
			}}
	}
	r.ServiceRegistrar.RegisterService(&wrapped, impl)
}
