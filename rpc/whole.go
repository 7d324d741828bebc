package rpc

import (
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// whole is the reply of a streaming method that was called as a unary one. Its
// only message waits until the handler returns, since the handler's error takes
// precedence.
type whole struct {
	message []byte
	sent    bool
	twice   bool
}

var errSecondReply = status.Error(codes.Internal, "the reply to a unary call has one message")

// sendWhole keeps the reply. The handler may change m from now on.
func (st *serverStream) sendWhole(m any) error {
	if err := contextError(st.ctx); err != nil {
		return err
	}
	if st.whole == nil {
		st.whole = &whole{}
	}
	w := st.whole
	if w.sent {
		w.twice = true
		return errSecondReply
	}
	var p packet
	if err := p.setMessage(m, st.session.server.limit, st.codec); err != nil {
		return err
	}
	message := make([]byte, p.size)
	if err := p.writeTo(message); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	w.message, w.sent = message, true
	if err := st.flushHeader(false); err != nil {
		return err
	}
	st.watch.sent(m, p.size)
	return nil
}

// take puts the reply into p. If the handler sent none, p stays empty, and the
// caller reports that.
func (w *whole) take(p *packet) (flags uint8, err error) {
	switch {
	case w == nil || !w.sent:
		return 0, nil
	case w.twice:
		return 0, errSecondReply
	}
	p.setBytes(w.message)
	return flagMessage, nil
}

// recvWhole reads the request, and then its end.
func (st *serverStream) recvWhole(m any) error {
	if !st.received {
		st.received = true
		return st.decode(m)
	}
	if err := contextError(st.ctx); err != nil {
		return err
	}
	return io.EOF
}
