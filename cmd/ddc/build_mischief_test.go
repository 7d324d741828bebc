package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"ddc/plugin"
)

// Mischief is what plugins of the tests are told to do to themselves, by an environment variable: a folder, and acts
// such as "markdown:3:exit", each done once, by the first run of the plugin that gets so far. The file that
// an act leaves in the folder says that it was done.
const envMischief = "DDC_TEST_MISCHIEF"

// poison in a request is what a plugin dies of each time, if envMischief is set.
const poison = "ddc-poison"

// mischiefs are what a handler can do to its process, or to itself.
var mischiefs = map[string]func(){
	"kill":  func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} },
	"stop":  func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) },
	"exit":  func() { os.Exit(1) },
	"crash": func() { go panic("as told"); select {} },
	"panic": func() { panic("as told") },
	"hang":  func() { select {} },
	"exhaust": func() {
		// Whatever the machine has: from here on 64 MB are all that there is.
		text, _ := os.ReadFile("/proc/self/statm")
		pages, _ := strconv.ParseUint(strings.Fields(string(text))[0], 10, 64)
		most := pages*uint64(os.Getpagesize()) + 64<<20
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
			m.acts = append(m.acts, &act{at: at, do: mischiefs[parts[2]], token: filepath.Join(folder, text)})
		}
	}
	plugin.Main(m)
}

type act struct {
	at    int64
	do    func()
	token string
}

// due says whether it is this run's to do: it creates the token, or finds it.
func (a *act) due(call int64) bool {
	if call < a.at {
		return false
	}
	f, err := os.OpenFile(a.token, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
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
				watched := func(request any) error {
					err := decode(request)
					if text, e := proto.Marshal(request.(proto.Message)); e == nil && bytes.Contains(text, []byte(poison)) {
						fmt.Fprintln(os.Stderr, "panic: poisoned")
						os.Exit(2)
					}
					return err
				}
				call := r.m.calls.Add(1)
				// Every other act waits until the work is done, and only the answer is missing.
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
				return reply, err
			}}
	}
	r.ServiceRegistrar.RegisterService(&wrapped, impl)
}
