package rpc

import (
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// whole is the reply of a streaming method that was called as a unary one. Its
// only message waits for the handler's status, and travels with it.
type whole struct {
	message []byte
	sent    bool
}

var errSecondReply = status.Error(codes.Internal, "the reply to a unary call has one message")

// sendWhole keeps the reply. The handler may change m from now on.
func (st *serverStream) sendWhole(m any) error {
	var p packet
	if err := p.setMessage(m, st.session.server.limit, st.codec); err != nil {
		return err
	}
	if st.over() {
		return st.whyOver()
	}
	if st.whole == nil {
		st.whole = &whole{}
	}
	w := st.whole
	if w.sent { // the caller has no room for it, whatever the handler returns
		_ = st.fatal(errSecondReply)
		return nil
	}
	message := make([]byte, p.size)
	if err := p.writeTo(message); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	if err := st.flushHeader(false); err != nil {
		return err
	}
	w.message, w.sent = message, true
	st.watch.sent(m, p.size)
	return nil
}

// take puts the reply into p. If the handler sent none, p stays empty, and the
// caller reports that.
func (w *whole) take(p *packet) (flags uint8) {
	if w == nil || !w.sent {
		return 0
	}
	p.setBytes(w.message)
	return flagMessage
}

// recvWhole reads the request, and then its end.
func (st *serverStream) recvWhole(m any) error {
	if !st.received {
		st.received = true
		err := st.decodeRequest(m)
		st.read = err == nil && !st.method.stream.ClientStreams
		return err
	}
	if !st.read {
		if err := contextError(st.ctx); err != nil {
			return err
		}
		st.read = true
	}
	return io.EOF
}
