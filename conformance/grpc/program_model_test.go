package grpc_test

// model knows of a call what decides which steps have an outcome that is no
// race. It is of gRPC, not of any implementation.
type model struct {
	p       program
	pending [2]*step // what an end waits in

	up             []int // sent by the client and not read, in bytes
	upClosed       bool  // by the client
	upEnd          bool  // the handler has read the end
	down           []int // sent by the handler and not read
	headerSent     bool  // by the handler
	headerSeen     bool  // by the client
	headerRacy     bool  // the client left before it could see it
	answers        int   // sent by the handler
	requests       int   // read by the handler, of a method that takes one
	over           bool  // the client has left: it cancelled, or did what must not be done
	told           bool  // the handler has seen that
	aborted        bool  // the handler did what must not be done, which has ended the call
	returned       bool  // the handler has
	finished       bool  // the client has seen the end
	spoilt         bool  // what the client would read now is anybody's guess
	excess         bool  // more answers than the call has room for are under way
	brokenUpstream bool  // what the handler would read now is anybody's guess
}

func newModel(p program) *model {
	m := &model{p: p}
	if p.as.unary {
		m.up, m.upClosed = []int{0}, true
		m.pending[client] = &step{who: client, what: "receive"}
	}
	return m
}

// ended says that the client will hear of the call's end.
func (m *model) ended() bool { return m.aborted || m.returned }

// quiet says that nothing is under way to the client that would race with its
// leaving.
func (m *model) quiet() bool {
	return !m.ended() && !m.excess && len(m.down) == 0 && !m.over && !m.finished && !m.half()
}

// half says that the handler waits, and half of what it waits for is there.
func (m *model) half() bool { return m.pending[handler] != nil && len(m.up) > 0 }

// unread is how much flow control would have to carry.
const unread = 50_000

func fits(n int, queue []int, reader *step) bool {
	sum := n
	for _, q := range queue {
		sum += q + 10
	}
	return sum < unread || len(queue) == 0 && reader != nil && reader.what == "receive"
}

// allows says whether a step can be next.
func (m *model) allows(s step) bool {
	if s.what == "cancel" {
		return m.quiet()
	}
	if m.pending[s.who] != nil {
		return false
	}
	if s.who == client {
		return m.allowsClient(s)
	}
	return !m.returned && (!m.excess || s.what == "return") && m.allowsHandler(s)
}

func (m *model) allowsClient(s step) bool {
	if m.p.as.unary {
		return false // the call is a single step
	}
	switch s.what {
	case "send":
		if m.finished {
			return !m.spoilt
		}
		if m.over || m.ended() {
			return false
		}
		if m.upClosed || m.p.maxSend > 0 && s.n > m.p.maxSend {
			return m.quiet()
		}
		return fits(s.n, m.up, m.pending[handler])
	case "send no message":
		return m.quiet()
	case "send until it fails":
		return m.ended() && !m.finished && !m.over && !m.upClosed && m.p.as.clientStreams && !m.excess
	case "close":
		return true
	case "receive":
		if m.finished && m.spoilt || m.blocks(s) && m.pending[handler] != nil && !m.quiet() {
			return false // nobody could go on
		}
		if n := len(m.down); n > 0 && m.p.maxReceive > 0 && m.down[0] > m.p.maxReceive {
			return n == 1 && !m.ended() && m.p.as.serverStreams && !m.half()
		}
		return true
	case "receive into no message":
		return len(m.down) == 1 && !m.ended() && m.p.as.serverStreams && !m.over && !m.finished && !m.half()
	case "header":
		return !m.headerRacy && !m.spoilt && !(m.blocks(s) && m.pending[handler] != nil && !m.quiet())
	case "trailer":
		return m.finished && !m.spoilt
	case "context":
		return !m.over && !m.spoilt && !m.excess
	}
	return false
}

func (m *model) allowsHandler(s step) bool {
	gone := m.over && !m.told
	switch s.what {
	case "receive":
		if gone || m.brokenUpstream || m.p.method.unary && m.requests > 0 || m.blocks(s) && m.pending[client] != nil && (!m.quiet() || len(m.up) > 0) {
			return false
		}
		return !m.over && !m.aborted || len(m.up) == 0 && (!m.upClosed || m.upEnd)
	case "receive into no message":
		return !gone && !m.over && !m.aborted && m.p.method.clientStreams && len(m.up) > 0
	case "send":
		if gone || m.p.method.unary || m.p.maxReceive > 0 && s.n > m.p.maxReceive && (m.over || !m.p.as.serverStreams || len(m.down) > 0) {
			return false
		}
		return m.aborted || m.over || fits(s.n, m.down, m.pending[client])
	case "send no message":
		return !gone && !m.p.method.unary
	case "set header", "send header", "set trailer":
		if metadatas[s.n].bad && (m.p.method.unary || s.what == "set trailer") {
			return false // not determined, see TestACallWhoseHandlerSendsBadMetadataFails
		}
		return !gone
	case "context":
		return !gone
	case "context's end":
		return m.over || m.aborted
	case "return":
		return !gone
	}
	return false
}

// begin takes a step. It may have to wait for others.
func (m *model) begin(s step) {
	if m.blocks(s) {
		m.pending[s.who] = &s
		return
	}
	m.complete(s)
	for again := true; again; {
		again = false
		for who, waits := range m.pending {
			if waits != nil && !m.blocks(*waits) {
				m.pending[who] = nil
				m.complete(*waits)
				again = true
			}
		}
	}
}

// blocks says whether a step waits for others.
func (m *model) blocks(s step) bool {
	if s.who == handler {
		return s.what == "receive" && m.handlerBlocks()
	}
	switch s.what {
	case "receive":
		if m.over || m.finished || m.ended() {
			return false
		}
		return len(m.down) == 0 || !m.p.as.serverStreams
	case "header":
		return !m.headerSent && !m.over && !m.finished && !m.ended()
	}
	return false
}

func (m *model) handlerBlocks() bool {
	if m.over || m.aborted || m.upClosed {
		return false
	}
	if m.p.method.clientStreams {
		return len(m.up) == 0
	}
	return len(m.up) < 2 && (len(m.up) == 0 || m.up[0] <= atMost)
}

// leave is the client's end of the call by itself.
func (m *model) leave() {
	m.over = true
	m.headerRacy = m.headerSent && !m.headerSeen
}

func (m *model) complete(s step) {
	if s.who == client {
		m.completeClient(s)
	} else {
		m.completeHandler(s)
	}
}

func (m *model) completeClient(s step) {
	switch s.what {
	case "cancel":
		m.leave()
	case "send":
		switch {
		case m.finished:
		case m.upClosed, m.p.maxSend > 0 && s.n > m.p.maxSend:
			m.leave()
			m.finished = true
		default:
			m.up = append(m.up, s.n)
			m.upClosed = !m.p.as.clientStreams
		}
	case "send no message":
		m.leave()
		m.finished = true
	case "send until it fails":
		m.brokenUpstream = true // what was sent in vain may still arrive
	case "close":
		m.upClosed = true
	case "receive":
		m.headerSeen = true
		if len(m.down) > 0 && !m.finished && m.p.as.serverStreams {
			n := m.down[0]
			m.down = m.down[1:]
			if m.p.maxReceive > 0 && n > m.p.maxReceive {
				m.leave()
				m.finished, m.spoilt = true, true
			}
			return
		}
		m.down = nil
		m.finished, m.spoilt = true, m.spoilt || m.excess
	case "receive into no message":
		m.headerSeen = true
		m.down = nil
		m.leave()
		m.finished, m.spoilt = true, true
	case "header":
		m.headerSeen = true
	}
}

func (m *model) completeHandler(s step) {
	switch s.what {
	case "receive":
		m.completeReceive()
	case "receive into no message":
		m.up = m.up[1:]
		m.aborted, m.brokenUpstream = true, true
	case "send":
		switch {
		case m.over, m.aborted:
		case s.n > atMost:
			m.aborted = true
		default:
			m.headerSent = true
			m.down = append(m.down, s.n)
			m.answers++
			m.excess = m.answers > 1 && !m.p.as.serverStreams
		}
	case "send no message":
		m.aborted = m.aborted || !m.over
	case "send header":
		if !metadatas[s.n].bad && !m.over && !m.aborted {
			m.headerSent = true
		}
	case "context's end":
		m.told = true
	case "return":
		if m.p.method.unary && returns[s.n].err == nil && !m.over && !m.aborted {
			m.headerSent = true
			m.down = append(m.down, replySize)
		}
		m.returned = true
	}
}

func (m *model) completeReceive() {
	switch {
	case m.over:
		m.told = true
	case m.aborted, m.requests > 0:
	case m.p.method.clientStreams:
		if len(m.up) == 0 {
			m.upEnd = true
			return
		}
		if m.up[0] > atMost {
			m.aborted, m.brokenUpstream = true, true
		}
		m.up = m.up[1:]
	case len(m.up) == 1 && m.up[0] <= atMost:
		m.up, m.upEnd = nil, true
		m.requests++
	default:
		m.aborted, m.brokenUpstream = true, true
	}
}

// windUp is the next of the steps that end the call as soon as they can.
func (m *model) windUp() (step, bool) {
	if m.pending[handler] != nil {
		if m.pending[client] == nil && !m.upClosed {
			return step{who: client, what: "close"}, true
		}
		return step{who: client, what: "cancel"}, true
	}
	if !m.returned {
		if m.over && !m.told {
			return step{who: handler, what: "context's end"}, true
		}
		return step{who: handler, what: "return"}, true
	}
	if m.finished {
		return step{}, false
	}
	s := step{who: client, what: "receive"}
	return s, m.allows(s)
}
