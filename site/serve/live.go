package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"ddc/internal/diagnostic"
	"ddc/plugins/html_diff/html_diffpb"
)

const (
	// pingEvery finds connections whose other end is gone without a word. It is
	// also how proxies are kept from cutting silent connections.
	pingEvery = 30 * time.Second
	// sendTime bounds how long a browser may take for one message.
	sendTime = 15 * time.Second
	// mostHello bounds what a browser sends.
	mostHello = 16 << 10
	// mostOpen bounds the open pages.
	mostOpen = 1000
)

// hello is what a page says of itself: when it connects, and when it is looked
// at again. So it does not matter what either side has missed.
type hello struct {
	Name string `json:"name"` // of its file
	Hash string `json:"hash"` // of the version that it shows; empty for none
}

// update is what a page is told.
type update struct {
	// Reload has the page load itself again; nothing else matters then.
	Reload bool `json:"reload,omitempty"`
	// Patches turn the version that the page said it shows into that of Hash.
	Patches []patch `json:"patches,omitempty"`
	Hash    string  `json:"hash"`
	// Swap are addresses, without a hash, whose content is another.
	Swap   []string             `json:"swap,omitempty"`
	Faults []diagnostic.Problem `json:"faults"`
	Dead   []string             `json:"dead"`
}

// patch is a patch as the page's script reads it.
type patch struct {
	Operation string   `json:"op"`
	Path      []int32  `json:"path"`
	Names     []string `json:"names"`
	HTML      string   `json:"html,omitempty"`
	Name      string   `json:"name,omitempty"`
	Value     string   `json:"value,omitempty"`
	Old       *string  `json:"old,omitempty"`
	Siblings  int32    `json:"siblings,omitempty"`
	Nodes     int32    `json:"nodes,omitempty"`
}

func shown(patches []*html_diffpb.Patch) []patch {
	all := make([]patch, len(patches))
	for i, p := range patches {
		all[i] = patch{strings.ToLower(strings.TrimPrefix(p.Operation.String(), "OPERATION_")), p.Path, p.Names, p.Html, p.Name, p.Value, p.Old, p.Siblings, p.Nodes}
	}
	return all
}

// live follows one open page until it is closed.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	if !sameOrigin(r, s.Hosts) {
		http.Error(w, "another site's page may not follow this one", http.StatusForbidden)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if !s.pages.open() {
		http.Error(w, "there are too many open pages", http.StatusServiceUnavailable)
		return
	}
	defer s.pages.closed()
	// sameOrigin was asked; the library's own check is of the same header.
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.Log.Debug("a page could not connect", "cause", err)
		return
	}
	defer func() { _ = c.CloseNow() }() // it may be closed
	c.SetReadLimit(mostHello)
	said := make(chan hello)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		listen(ctx, c, said)
	}()
	s.talk(ctx, c, said)
	cancel()
	_ = c.CloseNow() // so that listen ends
	<-ended
}

// listen reads what a page says. It also has to run for pings to be answered.
func listen(ctx context.Context, c *websocket.Conn, said chan<- hello) {
	for {
		_, text, err := c.Read(ctx)
		var h hello
		if err != nil || json.Unmarshal(text, &h) != nil {
			return
		}
		select {
		case said <- h:
		case <-ctx.Done():
			return
		}
	}
}

// talk tells a page what it does not show yet. Revisions that come while a
// message is under way are told as one.
func (s *Server) talk(ctx context.Context, c *websocket.Conn, said <-chan hello) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	v := &viewer{server: s}
	defer v.leave()
	for {
		now := s.state()
		if v.Name != "" && !now.pending {
			if u, due := v.draft(ctx); due {
				if send(ctx, c, u) != nil {
					return
				}
				v.showsNow(now.revision)
			}
			u, due, err := v.update(ctx)
			if err != nil || due && send(ctx, c, u) != nil || u.Reload {
				return
			}
			v.showsNow(now.revision)
		}
		select {
		case <-ctx.Done():
			return
		case h := <-said:
			v.says(h)
		case <-now.changed:
		case <-ping.C:
			alive, cancel := context.WithTimeout(ctx, sendTime)
			err := c.Ping(alive)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

func send(ctx context.Context, c *websocket.Conn, u update) error {
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return c.Write(ctx, websocket.MessageText, text)
}

// viewer is an open page, and what it was told.
type viewer struct {
	server *Server
	hello
	assets map[string]string // tags of what the page names without a hash
	told   string            // the last update, but for patches and swaps
	last   update            // the same
}

// says takes in what the page says.
func (v *viewer) says(h hello) {
	if h.Name != v.Name {
		v.assets = nil
	}
	v.hello, v.told = h, ""
}

func (v *viewer) leave() {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	delete(v.server.shows, v)
}

// draft is what to tell the page before it is known what it comes to.
func (v *viewer) draft(ctx context.Context) (u update, due bool) {
	s := v.server
	if v.told == "" {
		return u, false // it was just loaded
	}
	text, err := ask(ctx, s, func(ctx context.Context) (string, error) {
		if text, ok := s.site.Draft(ctx, v.Name); ok {
			return text, nil
		}
		return "", cmp.Or(ctx.Err(), errNoDraft)
	})
	if err != nil {
		return u, false
	}
	p := s.pages.draft(text)
	patches, ok := s.patches(ctx, v.Hash, p)
	if !ok || len(patches) == 0 {
		return u, false
	}
	u = v.last
	u.Patches, u.Hash = patches, p.hash
	return u, v.note(u) == nil
}

// errNoDraft says that a page is known only when all are.
var errNoDraft = errors.New("there is no draft")

// note notes what the page is told.
func (v *viewer) note(u update) error {
	u.Patches, u.Swap = nil, nil
	state, err := json.Marshal(u)
	v.Hash, v.told, v.last = u.Hash, string(state), u
	return err
}

// update is what to tell the page now. Due says whether there is anything. The
// page's own account of what it shows is taken on, as it was told.
func (v *viewer) update(ctx context.Context) (u update, due bool, err error) {
	s := v.server
	f, err := s.file(ctx, v.Name)
	switch {
	case missing(err):
		// The page shows that it is not there, or it was there until now.
		return update{Reload: v.Hash != ""}, v.Hash != "", nil
	case ctx.Err() != nil:
		return u, false, ctx.Err()
	}
	now := s.versionOf(ctx, v.Name, f, err)
	if now.err != nil {
		now.faults = diagnostic.Errors{{Message: now.err.Error()}}
		now.page = s.pages.good(v.Name)
	}
	u = update{Hash: v.Hash, Faults: shownFaults(now.faults), Dead: now.dead}
	if now.page != nil {
		patches, ok := s.patches(ctx, v.Hash, now.page)
		if !ok {
			return update{Reload: true}, true, ctx.Err()
		}
		u.Patches, u.Hash = patches, now.page.hash
		if u.Swap, ok = v.swap(ctx, now.page); !ok {
			return update{Reload: true}, true, ctx.Err()
		}
	}
	before := v.told
	err = v.note(u)
	return u, len(u.Patches) > 0 || len(u.Swap) > 0 || v.told != before, err
}

// patches finds the patches from a version to another. It fails if no patches
// can do that: then the page has to be loaded again.
func (s *Server) patches(ctx context.Context, from string, to *page) ([]patch, bool) {
	if from == to.hash {
		return nil, true
	}
	old := s.pages.version(from)
	if old == nil || scriptsOf(old.html) != scriptsOf(to.html) {
		return nil, false
	}
	s.Calls.Begin()
	patches, err := s.diffs.of(ctx, old, to)
	s.Calls.End()
	if err != nil {
		if ctx.Err() == nil {
			s.Log.Warn("a page is loaded again, rather than patched", "cause", err)
		}
		return nil, false
	}
	for _, p := range patches {
		if len(p.Path) == 0 && p.Operation != "append_child" {
			return nil, false // a whole document
		}
	}
	return patches, true
}

// errNoDiffer says that nothing finds patches.
var errNoDiffer = errors.New("there is no html_diff plugin")
