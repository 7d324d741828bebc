package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrPlain is the error of an address off this machine where no certificates
// are given. Give both ends certificates, or use loopback or a unix socket.
var ErrPlain = errors.New("it is not on this machine, so both ends must show certificates")

const unixScheme = "unix:"

// CheckTarget says what is wrong with a target of [Dial]. A target is
// dns:///HOST:PORT, dns://SERVER/HOST:PORT to ask a name server of one's own,
// HOST:PORT, or unix:PATH. Without certificates, encrypted is false.
func CheckTarget(target string, encrypted bool) error {
	if path, ok := strings.CutPrefix(target, unixScheme); ok {
		if strings.Trim(path, "/") == "" {
			return fmt.Errorf("%q names no socket: write unix:PATH", target)
		}
		return nil
	}
	rest := target
	if scheme, after, ok := strings.Cut(target, "://"); ok {
		if scheme != "dns" {
			return fmt.Errorf("%q is no target: write dns:///HOST:PORT, HOST:PORT or unix:PATH", target)
		}
		if _, rest, ok = strings.Cut(after, "/"); !ok {
			return fmt.Errorf("%q is no target: write dns:///HOST:PORT, with three slashes", target)
		}
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("%q is no target: write dns:///HOST:PORT, HOST:PORT or unix:PATH", target)
	}
	if !encrypted && !isLoopback(host) {
		return fmt.Errorf("%s: %w", target, ErrPlain)
	}
	return nil
}

// isLoopback says whether a host is this machine by its name alone. What the
// name resolves to is looked at again as a connection is made.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// Listen listens on HOST:PORT, or on unix:PATH, a socket for this user alone.
// An address off this machine is refused unless encrypted.
func Listen(address string, encrypted bool) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, unixScheme); ok {
		return listenUnix(path)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !encrypted && (!ok || !tcp.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", address, ErrPlain), l.Close())
	}
	return l, nil
}

// listenUnix makes the socket in a folder of its own, so that nobody else can
// connect before its permissions are set, and then gives it its name. A socket
// that nobody listens on any more is replaced.
func listenUnix(path string) (_ net.Listener, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("listen on %s: %w", path, err)
		}
	}()
	folder, err := os.MkdirTemp(filepath.Dir(path), ".ddc-worker-")
	if err != nil {
		return nil, err
	}
	made := filepath.Join(folder, "s")
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(made, 0o600); err == nil {
		if err = removeStale(path); err == nil {
			err = os.Link(made, path)
		}
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &named{l, path}, nil
}

// removeStale removes a socket whose listener has gone, and nothing else.
func removeStale(path string) error {
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != os.ModeSocket {
		return nil // os.Link says what is in the way
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		return errors.Join(errors.New("another process listens there"), c.Close())
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return nil // os.Link says what is in the way
}

// named is a listener on a unix socket, whose name goes with it.
type named struct {
	*net.UnixListener
	path string
}

func (n *named) Close() error {
	if err := n.UnixListener.Close(); err != nil {
		return err // it was closed before
	}
	return os.Remove(n.path)
}

// Addr is the socket's name.
func (n *named) Addr() net.Addr { return &net.UnixAddr{Name: n.path, Net: "unix"} }
