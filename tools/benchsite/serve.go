package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"ddc/internal/proc"
)

// saves are the kinds of save that are measured while a page is open, each with
// the file that is saved and what is in it.
var saves = []struct {
	what, file string
	inView     bool // the open page shows it
	text       func(s sites, turn int) string
}{
	{"body of the page in view", "content/s0/p1.md", true, func(s sites, turn int) string {
		return s.pages(2)["content/s0/p1.md"] + fmt.Sprintf("\nSaved in turn %d.\n", turn)
	}},
	{"body of another page", "content/s0/p0.md", false, func(s sites, turn int) string {
		return s.pages(1)["content/s0/p0.md"] + fmt.Sprintf("\nSaved in turn %d.\n", turn)
	}},
	{"template in view", "templates/page.html", true, func(s sites, turn int) string {
		return strings.Replace(s.forServe(1)["templates/page.html"], "<h1>", fmt.Sprintf("<h1 title=%d>", turn), 1)
	}},
	{"SCSS in view", "sass/main.scss", true, func(_ sites, turn int) string {
		return fmt.Sprintf("$width: %dpx;\nbody { margin: $width }\n", turn)
	}},
}

// forServe is a site for ddc that has SCSS too.
func (s sites) forServe(n int) map[string]string {
	files := s.forDDC(n)
	files["sass/main.scss"] = "body { margin: 0 }\n"
	files["templates/base.html"] = strings.Replace(files["templates/base.html"], "</head>", `<link rel="stylesheet" href="/main.css"></head>`, 1)
	return files
}

// wait bounds how long a patch may take, and a server's start.
const wait = 5 * time.Minute

// serveAll measures how long it takes from a save to the patch, of each program
// on sites of each size, by turns.
func serveAll(ctx context.Context, programs []string, sizes []int, turns int, s sites) error {
	var all []*served
	defer func() {
		for _, one := range all {
			one.end()
		}
	}()
	for _, n := range sizes {
		for _, program := range programs {
			one, err := s.serve(ctx, program, n)
			if err != nil {
				return fmt.Errorf("%s, %d pages: %w", program, n, err)
			}
			all = append(all, one)
		}
	}
	for turn := range turns {
		for i, save := range saves {
			for _, one := range all {
				if err := one.measure(ctx, i, save.file, save.text(s, 1+turn)); err != nil {
					return fmt.Errorf("%s, %d pages, %s: %w", one.program, one.pages, save.what, err)
				}
			}
		}
	}
	fmt.Printf("| pages | program | saved | to the patch, ms: p50 | p90 | processor, ms | pages made | calls |\n|---|---|---|---|---|---|---|---|\n")
	for _, one := range all {
		for i, save := range saves {
			one.print(save.what, one.took[i])
		}
	}
	return nil
}

// saved is what a save came to. Patch is 0 if the page in view stayed as it is.
type saved struct {
	patch, cpu   time.Duration
	pages, calls int
}

// served is a server, and a page of its site that is open.
type served struct {
	program, folder string
	pages           int
	cmd             *exec.Cmd
	events          *bufio.Scanner
	socket          *websocket.Conn
	said            strings.Builder
	took            [][]saved // by kind of save
}

// event is a line that a server prints.
type event struct {
	Event, URL   string
	Pages, Calls int
	Errors       []json.RawMessage
}

// serve starts a server of n pages, and opens one.
func (s sites) serve(ctx context.Context, program string, n int) (*served, error) {
	full, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	one := &served{program: program, pages: n, took: make([][]saved, len(saves))}
	if one.folder, err = os.MkdirTemp("", "benchsite-"); err != nil {
		return nil, err
	}
	if err := one.start(ctx, full, s); err != nil {
		one.end()
		return nil, err
	}
	return one, nil
}

// start writes the site, has it served, and opens a page.
func (s *served) start(ctx context.Context, program string, of sites) error {
	if err := write(s.folder, of.forServe(s.pages)); err != nil {
		return err
	}
	args := []string{"serve", s.folder, "--port", "0", "--json"}
	if !of.search {
		args = append(args, "--no-search")
	}
	s.cmd = exec.CommandContext(ctx, program, args...)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGINT) } // so that it ends its plugins
	s.cmd.Stderr = &s.said
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.events = bufio.NewScanner(out)
	ready, err := s.next("ready")
	if err != nil {
		return err
	}
	if _, err := s.next("change"); err != nil { // all pages were made
		return err
	}
	return s.open(ctx, strings.TrimSuffix(ready.URL, "/"))
}

// next waits for an event of the server.
func (s *served) next(kind string) (e event, err error) {
	for s.events.Scan() {
		if err := json.Unmarshal(s.events.Bytes(), &e); err != nil {
			return e, fmt.Errorf("read what the server says: %w", err)
		}
		if len(e.Errors) > 0 {
			return e, fmt.Errorf("the site is at fault: %s", s.events.Bytes())
		}
		if e.Event == kind {
			return e, nil
		}
	}
	return e, errors.Join(fmt.Errorf("the server ended: %s", s.said.String()), s.events.Err())
}

// open loads a page and connects, as the page's script does.
func (s *served) open(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/s0/p1/", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if s.socket, _, err = websocket.Dial(ctx, "ws"+strings.TrimPrefix(address, "http")+"/__ddc/live", nil); err != nil {
		return err
	}
	s.socket.SetReadLimit(1 << 20)
	hello, err := json.Marshal(map[string]string{"name": between(string(page), `data-name="`), "hash": between(string(page), `data-ddc="`)})
	if err != nil {
		return err
	}
	if err := s.socket.Write(ctx, websocket.MessageText, hello); err != nil {
		return err
	}
	_, _, err = s.socket.Read(ctx) // how the page stands
	return err
}

// between is what stands in a text after the first from, up to a quote.
func between(text, from string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// measure saves a file, and waits for the patch, if the page in view shows the
// file, and for the server to have seen to all other pages.
func (s *served) measure(ctx context.Context, kind int, file, text string) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	before := s.spent()
	// As editors do: beside it, and renamed. Nobody watches the folder above
	// the site's.
	beside := filepath.Join(s.folder, "saved")
	if err := os.WriteFile(beside, []byte(text), 0o666); err != nil {
		return err
	}
	var one saved
	begun := time.Now()
	if err := os.Rename(beside, filepath.Join(s.folder, file)); err != nil {
		return err
	}
	if saves[kind].inView {
		if err := s.awaitPatch(ctx); err != nil {
			return err
		}
		one.patch = time.Since(begun)
	}
	e, err := s.next("change")
	if err != nil {
		return err
	}
	one.cpu, one.pages, one.calls = s.spent()-before, e.Pages, e.Calls
	s.took[kind] = append(s.took[kind], one)
	return nil
}

// awaitPatch waits until the open page is sent one.
func (s *served) awaitPatch(ctx context.Context) error {
	for {
		_, message, err := s.socket.Read(ctx)
		if err != nil {
			return fmt.Errorf("wait for a patch: %w", err)
		}
		var u struct {
			Reload  bool
			Patches []json.RawMessage
		}
		if err := json.Unmarshal(message, &u); err != nil || u.Reload {
			return errors.Join(fmt.Errorf("no patch came, but %s", message), err)
		}
		if len(u.Patches) > 0 {
			return nil
		}
	}
}

func (s *served) print(what string, all []saved) {
	share := func(part func(saved) time.Duration, of float64) string {
		values := make([]time.Duration, len(all))
		for i, one := range all {
			values[i] = part(one)
		}
		slices.Sort(values)
		return fmt.Sprintf("%.0f", 1e3*values[min(int(of*float64(len(values))), len(values)-1)].Seconds())
	}
	patch, patch90 := "-", "-"
	if all[0].patch > 0 {
		of := func(s saved) time.Duration { return s.patch }
		patch, patch90 = share(of, 0.5), share(of, 0.9)
	}
	last := all[len(all)-1]
	fmt.Printf("| %d | %s | %s | %s | %s | %s | %d | %d |\n", s.pages, s.program, what, patch, patch90, share(func(s saved) time.Duration { return s.cpu }, 0.5), last.pages, last.calls)
}

// end ends the server, and removes its site.
func (s *served) end() {
	if s.socket != nil {
		_ = s.socket.CloseNow() // the server ends in any case
	}
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGINT) // it may have ended
		_ = s.cmd.Wait()                         // it was interrupted
	}
	if err := os.RemoveAll(s.folder); err != nil {
		fmt.Fprintln(os.Stderr, "benchsite:", err)
	}
}

// spent is the processor time of the server and of all processes below it, also
// of those that have ended.
func (s *served) spent() (sum time.Duration) {
	for _, p := range proc.Descendants(s.cmd.Process.Pid) {
		if stat, err := proc.Of(p.PID); err == nil { // else it has ended
			sum += stat.Used + stat.Reaped
		}
	}
	return sum
}
