// Package plugin is both sides of a plugin process: what its author calls, and
// what a host starts, watches and restarts it with.
//
// A plugin is a program that serves gRPC services, registered as generated code
// registers them:
//
//	func main() {
//		plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { shoutpb.RegisterShoutServer(r, shouter{}) }))
//	}
//
// A host asks for a connection by the plugin's name. The process starts with the
// first call, and starts again if it dies:
//
//	host, err := plugin.NewHost(plugin.Options{Command: ...})
//	shout := shoutpb.NewShoutClient(host.Conn("shout"))
//	answer, err := shout.Shout(ctx, request)
//	...
//	err = host.Close()
//
// # What a plugin inherits
//
// Descriptors, never paths: the lifeline (3), whose other end only the host
// holds, so that reading it ends when the host has ended, however that came
// about; then the hub's memory and the two doorbells (4 and up). DDC_PLUGIN tells
// the version of this agreement, DDC_HUB what package hub needs, DDC_SPIN and
// DDC_LOG_LEVEL the rest. Standard error carries the plugin's log, one JSON
// object a line; whatever else is printed there is logged as a warning. A plugin
// has one processor (GOMAXPROCS=1).
package plugin

import (
	"io"

	"google.golang.org/grpc"
)

// Service is what a plugin serves. If it is an [io.Closer] as well, Close is
// called when no call is under way any more.
type Service interface {
	Register(r grpc.ServiceRegistrar)
}

// Func is a Service made of its Register alone.
type Func func(r grpc.ServiceRegistrar)

// Register calls f.
func (f Func) Register(r grpc.ServiceRegistrar) { f(r) }

func closeService(s Service) error {
	if c, ok := s.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// The environment and the descriptors that make up the agreement. Whoever
// changes them raises agreement.
const (
	agreement = "2"

	envAgreement = "DDC_PLUGIN"
	envHub       = "DDC_HUB"
	envName      = "DDC_PLUGIN_NAME"
	envSpin      = "DDC_SPIN"
	envLogLevel  = "DDC_LOG_LEVEL"
	envRequests  = "DDC_REQUESTS"
	envLive      = "DDC_LIVE"

	lifelineFD = 3
	hubFD      = 4
)
