// Package plugin is what the author of a plugin links: a plugin is a program that
// serves gRPC services, registered as generated code registers them, to the host
// that started it.
//
//	func main() {
//		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, shouter{}) }))
//	}
//
// What the process inherits, and what its environment says, is in
// ddc/plugin/agreement. The other side, which starts plugins, calls them and
// starts them again, is ddc/plugin/host; who looks on while they run is
// ddc/plugin/watch. A plugin links neither. What one of ddc's own plugins may do,
// and how long it may take, stands in its Spec (ddc/plugin/spec).
//
// # Debugging
//
// On SIGUSR1 a plugin writes to its log what it is doing: the calls under way, its
// link's words, and every goroutine's stack. ddc inspect shows the same from outside.
//
// # Testing
//
// A service is an ordinary gRPC server, and needs no process to be tested:
// host.Options.Local runs it in the test's own.
package plugin

import "google.golang.org/grpc"

// Service is what a plugin serves. If it is an [io.Closer] as well, Close is
// called when no call is under way any more.
type Service interface {
	Register(r grpc.ServiceRegistrar)
}

// Func is a Service made of its Register alone.
type Func func(r grpc.ServiceRegistrar)

// Register calls f.
func (f Func) Register(r grpc.ServiceRegistrar) { f(r) }
