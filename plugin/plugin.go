// Package plugin is what the author of a plugin links. A plugin is a program
// that serves gRPC services to the host that started it. Generated code
// registers the services.
//
//	func main() {
//		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, shouter{}) }))
//	}
//
// Package plugin/agreement says what the process inherits, in descriptors
// and environment. The other side, which starts, calls and restarts plugins, is
// plugin/host; plugin/watch observes them while they run. A plugin
// links neither. The Spec of one of ddc's own plugins (plugin/spec) says
// what it may do, and how long it may take.
//
// # What a plugin gets besides
//
// Every plugin answers gRPC's health service, unless it serves one of its own.
// With [Options].Versions it speaks several versions of its service, and host
// and plugin agree on one at the start. [Host] makes calls to what the host
// serves, over the plugin's own link.
//
// # Debugging
//
// On SIGUSR1 a plugin writes to its log what it is doing: the calls under way,
// its link's words, and every goroutine's stack. ddc inspect shows the same
// from outside.
//
// # Testing
//
// A service is an ordinary gRPC server, and a test needs no other process:
// host.Options.Local runs the service in the test's own, and calls to the host
// and health are as ever. No versions are agreed on then.
package plugin

import "google.golang.org/grpc"

// Service is what a plugin serves. If it is also an [io.Closer], Close is
// called once no call is under way any more.
type Service interface {
	// Register registers the gRPC services that it is. It is called once for
	// each link, before the first call.
	Register(r grpc.ServiceRegistrar)
}

// Func is a Service made of its Register alone.
type Func func(r grpc.ServiceRegistrar)

// Register calls f.
func (f Func) Register(r grpc.ServiceRegistrar) { f(r) }
