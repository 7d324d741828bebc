package rpc

import (
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Addr is an end of a link, as package peer and stats handlers are told of it.
// Nothing can be dialled by it.
type Addr string

var _ net.Addr = Addr("")

// Network is "link".
func (Addr) Network() string { return "link" }

// String is the end's name, for people.
func (a Addr) String() string { return string(a) }

// The ends that have no name of their own.
const (
	callerEnd = Addr("caller")
	serverEnd = Addr("server")
)

// linkSecurity is what a link is worth to credentials.
type linkSecurity struct{ credentials.CommonAuthInfo }

// AuthType is "link".
func (linkSecurity) AuthType() string { return "link" }

// secure says whether nobody but the two ends can read the memory of the link
// to p.
func secure(p *peer.Peer) bool {
	link, ok := p.AuthInfo.(linkSecurity)
	return ok && link.SecurityLevel == credentials.PrivacyAndIntegrity
}

func newPeer(remote, local net.Addr, level credentials.SecurityLevel) *peer.Peer {
	return &peer.Peer{Addr: remote, LocalAddr: local, AuthInfo: linkSecurity{credentials.CommonAuthInfo{SecurityLevel: level}}}
}
