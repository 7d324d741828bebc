package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"ddc/internal/proc"
)

const (
	defaultPort = 8080
	// portsTried is how many ports are tried if none was asked for.
	portsTried = 20
)

// door is where a server listens.
type door struct {
	listeners []net.Listener
	url       string
}

func (d *door) close() error {
	var errs []error
	for _, l := range d.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// listen opens the port. A port that was asked for has to be free. Otherwise it
// takes the first free one, from the default on.
func listen(ctx context.Context, f serveFlags, out *printer) (*door, error) {
	addresses := addressesOf(f.hosts)
	if f.portGiven {
		d, err := listenOn(ctx, addresses, f.port)
		// A port that is free at one address may be taken at another.
		for tried := 1; f.port == 0 && tried < portsTried && errors.Is(err, syscall.EADDRINUSE); tried++ {
			d, err = listenOn(ctx, addresses, f.port)
		}
		if err != nil {
			return nil, usagef("--port %d: %w%s", f.port, err, ownerOf(f.port, err))
		}
		return d, nil
	}
	for port := defaultPort; ; port++ {
		d, err := listenOn(ctx, addresses, port)
		switch {
		case err == nil:
			if port != defaultPort {
				out.logger.Warn(fmt.Sprintf("port %d is taken%s: the site is on port %d", defaultPort, ownerOf(defaultPort, syscall.EADDRINUSE), port))
			}
			return d, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, usagef("--host: %w", err)
		case port == defaultPort+portsTried:
			return nil, usagef("the ports %d to %d are all taken: choose another with --port", defaultPort, port)
		}
	}
}

// addressesOf are the addresses to listen on: those that were named, or both of
// this machine's own. What "localhost" means differs from program to program.
func addressesOf(hosts []string) []string {
	var addresses []string
	for _, host := range hosts {
		if isAddress(host) {
			addresses = append(addresses, host)
		}
	}
	if addresses == nil {
		return []string{"127.0.0.1", "::1"}
	}
	return addresses
}

func listenOn(ctx context.Context, addresses []string, port int) (*door, error) {
	d := &door{}
	var config net.ListenConfig
	for i, address := range addresses {
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			if address == "::1" && !errors.Is(err, syscall.EADDRINUSE) && i > 0 {
				continue // a machine without IPv6
			}
			return nil, errors.Join(err, d.close())
		}
		port = l.Addr().(*net.TCPAddr).Port // 0 stands for any
		d.listeners = append(d.listeners, l)
	}
	d.url = "http://" + net.JoinHostPort(shownHost(addresses[0]), strconv.Itoa(port)) + "/"
	return d, nil
}

// shownHost is a host that works in a browser on this machine.
func shownHost(address string) string {
	if ip := net.ParseIP(address); ip.IsLoopback() || ip.IsUnspecified() {
		return "localhost"
	}
	return address
}

// ownerOf names who has a port, as far as that can be seen.
func ownerOf(port int, err error) string {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ""
	}
	if pid, name := proc.Listener(port); pid != 0 {
		return fmt.Sprintf(" by %s, process %d", name, pid)
	}
	return ""
}
