package serve

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/internal/regular"
	"ddc/site"
)

// own is the folder of the server's own addresses. No page lies there.
const own = "/__ddc/"

//go:embed client.js
var client []byte

// How long a browser may keep what it gets. Only a name that has its content's
// hash never means another content.
const (
	cacheForever = "public, max-age=31536000, immutable"
	cacheAsked   = "no-cache" // and ask each time whether it is still good
	cacheNever   = "no-store"
)

// ServeHTTP answers requests of browsers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// Nobody else's page may load what is served here, as a script or a
	// picture.
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if !s.knows(r) {
		h.Set("Cache-Control", cacheNever)
		http.Error(w, fmt.Sprintf("%q is no name of this server. Ask for localhost, or name it with --host.", r.Host), http.StatusMisdirectedRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	path, within := strings.CutPrefix(r.URL.Path, s.site.Prefix())
	switch {
	case !within || path == "" || path[0] != '/':
		s.answerOutside(w, r)
	case path == own+"live":
		s.live(w, r)
	case path == own+"client.js":
		h.Set("Cache-Control", cacheAsked)
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("ETag", tag(client))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(client))
	default:
		s.answer(w, r, path)
	}
}

// answerOutside answers outside of the site's prefix, where there is nothing
// but the way in.
func (s *Server) answerOutside(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", cacheNever)
	home := s.site.Prefix() + "/"
	if r.URL.Path == "/" || r.URL.Path+"/" == home {
		http.Redirect(w, r, home, http.StatusFound)
		return
	}
	http.Error(w, "the site is below "+home, http.StatusNotFound)
}

// answer answers with what the site has at an address, without the prefix.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, address string) {
	name := nameOf(address)
	f, err := s.file(r.Context(), name)
	switch {
	case isPage(name) && !missing(err) && (err != nil || f.Path == ""):
		s.answerPage(w, r, name, f, err)
	case err == nil:
		s.answerFile(w, r, name, f)
	case missing(err):
		s.answerMissing(w, r, name)
	default:
		s.refuse(w, r, name, err)
	}
}

// nameOf is the name of the file at an address: its path below the output.
func nameOf(address string) string {
	if strings.HasSuffix(address, "/") {
		address += "index.html"
	}
	return strings.TrimPrefix(address, "/")
}

// addressOf is the address of a file.
func addressOf(name string) string {
	folder, file := path.Split("/" + name)
	if file == "index.html" {
		return folder
	}
	return "/" + name
}

func isPage(name string) bool { return path.Ext(name) == ".html" }

// answerPage answers with a page. Should it be at fault, its last good version
// is shown, and the fault over it.
func (s *Server) answerPage(w http.ResponseWriter, r *http.Request, name string, f *site.File, err error) {
	v := s.versionOf(r.Context(), name, f, err)
	status := http.StatusOK
	switch {
	case v.err != nil:
		s.refuse(w, r, name, v.err)
		return
	case v.page == nil:
		status = http.StatusInternalServerError
		v.page = &page{html: faultPage(v.faults)}
	}
	s.sendPage(w, r, status, name, v)
}

// sendPage sends a page with its script.
func (s *Server) sendPage(w http.ResponseWriter, r *http.Request, status int, name string, v version) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", cacheNever)
	if forbidsScripts(v.page.html) {
		s.sayOnce(name + " has a Content-Security-Policy: if it does not allow scripts and connections of 'self', the page does not follow changes")
	}
	text := inject(v.page.html, tagOf(r.URL, s.site.Prefix(), name, v))
	h.Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // a browser that has gone needs nothing
	}
}

// answerFile answers with a file that is no page.
func (s *Server) answerFile(w http.ResponseWriter, r *http.Request, name string, f *site.File) {
	h := w.Header()
	h.Set("Content-Type", typeOf(name))
	if f.Path != "" {
		h.Set("Cache-Control", cacheAsked)
		s.sendPath(w, r, f)
		return
	}
	h.Set("Cache-Control", cacheAsked)
	if f.Hashed {
		h.Set("Cache-Control", cacheForever)
		s.pages.keepFile(name, f)
	}
	h.Set("ETag", tag(f.Data))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Data))
}

// sendPath sends a source that is served as it is.
func (s *Server) sendPath(w http.ResponseWriter, r *http.Request, f *site.File) {
	file, info, err := regular.OpenPath(f.Path)
	if err != nil {
		s.refuse(w, r, f.Path, err)
		return
	}
	defer file.Close()
	if f.Hashed {
		w.Header().Set("Cache-Control", cacheForever)
	}
	w.Header().Set("ETag", fmt.Sprintf("\"%x-%x\"", info.Size(), info.ModTime().UnixNano()))
	http.ServeContent(w, r, "", time.Time{}, file)
}

// answerMissing answers where the site has nothing: it may be a page without
// its slash, or an asset that an open tab remembers.
func (s *Server) answerMissing(w http.ResponseWriter, r *http.Request, name string) {
	if f, kept := s.pages.file(name); kept {
		s.answerFile(w, r, name, f)
		return
	}
	ctx := r.Context()
	if !strings.HasSuffix(r.URL.Path, "/") {
		if _, err := s.file(ctx, name+"/index.html"); !missing(err) {
			to := url.URL{Path: "./" + path.Base(name) + "/", RawQuery: r.URL.RawQuery}
			w.Header().Set("Location", to.String())
			w.Header().Set("Cache-Control", cacheNever)
			w.WriteHeader(http.StatusFound)
			return
		}
	}
	w.Header().Set("Cache-Control", cacheNever)
	if !wantsPage(r, name) {
		http.Error(w, "the site has no file "+printable.Line(name), http.StatusNotFound)
		return
	}
	s.sendPage(w, r, http.StatusNotFound, name, version{page: &page{html: s.missingPage(ctx, r.URL)}})
}

// wantsPage says whether a person asked, rather than a page for a part of it.
func wantsPage(r *http.Request, name string) bool {
	switch destination := r.Header.Get("Sec-Fetch-Dest"); destination {
	case "":
		extension := path.Ext(name)
		return extension == "" || extension == ".html" || strings.Contains(r.Header.Get("Accept"), "text/html")
	default:
		return destination == "document" || destination == "iframe"
	}
}

// refuse answers with what is wrong.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, name string, err error) {
	if r.Context().Err() != nil {
		return // nobody listens
	}
	w.Header().Set("Cache-Control", cacheNever)
	var faults diagnostic.Errors
	if !errors.As(err, &faults) {
		s.Log.Error("a file could not be served", "file", name, "cause", err)
	}
	http.Error(w, printable.Text(err.Error()), http.StatusInternalServerError)
}

// typeOf is the type of a file by its name. Machines' own tables differ, so
// that the ones that matter are here.
func typeOf(name string) string {
	extension := strings.ToLower(path.Ext(name))
	if known := types[extension]; known != "" {
		return known
	}
	if known := mime.TypeByExtension(extension); known != "" {
		return known
	}
	return "application/octet-stream"
}

var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8",
	".xml": "application/xml", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif", ".jxl": "image/jxl", ".ico": "image/x-icon", ".wasm": "application/wasm",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".pdf": "application/pdf",
	".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".webmanifest": "application/manifest+json",
}

// versionOf settles what to show of a page: what was made of it, or its last
// good version and the faults that are in the way of a better one.
func (s *Server) versionOf(ctx context.Context, name string, f *site.File, err error) (v version) {
	var faults diagnostic.Errors
	switch {
	case err == nil:
		v.page = s.pages.keep(name, string(f.Data))
		v.dead = s.deadLinks(ctx, name, v.page)
	case errors.As(err, &faults):
		v.faults, v.page = faults, s.pages.good(name)
	default:
		v.err = err
	}
	if now := s.state(); v.faults == nil && errors.As(now.fault, &faults) {
		v.faults = faults
	}
	return v
}
