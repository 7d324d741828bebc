package serve

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// knows says whether a request was meant for this server. A page elsewhere can
// have its own name lead to this machine (DNS rebinding); its requests come
// with that name, and are refused.
func (s *Server) knows(r *http.Request) bool {
	host := hostOf(r.Host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	for _, name := range s.Hosts {
		if strings.EqualFold(host, name) {
			return true
		}
	}
	// No name leads to an address by which the request came in; nobody but a
	// person writes it.
	address := net.ParseIP(host)
	if address == nil {
		return false
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	tcp, ok := local.(*net.TCPAddr)
	return address.IsLoopback() || ok && tcp.IP.Equal(address)
}

// hostOf is a Host header without its port.
func hostOf(header string) string {
	host := header
	if name, _, err := net.SplitHostPort(header); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// sameOrigin says whether a socket is asked for by a page of this server.
// Browsers send an Origin with each; other programs need none. Names are those
// that the user gave it.
func sameOrigin(r *http.Request, names []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	from, err := url.Parse(origin)
	if err != nil || strings.EqualFold(from.Host, r.Host) {
		return err == nil
	}
	// A proxy may ask by another name than that of the page. A name that the
	// user gave is this server's, at the port that browsers leave out; at
	// others may be anybody.
	return from.Port() == "" && net.ParseIP(from.Hostname()) == nil &&
		slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, from.Hostname()) })
}
