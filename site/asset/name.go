package asset

import (
	"path"
	"regexp"
	"strings"
)

// workers are the usual names of service workers.
var workers = regexp.MustCompile(`(^|[-_.])(sw|service-?worker|serviceworker)([-_.]|$)`)

// KeepsName says whether others than the site's own files ask for a file by its
// name, so that it must keep it, whoever refers to it: servers and hosts
// (CNAME, _headers, .well-known), browsers by themselves (favicon.ico, a
// service worker), robots, readers of feeds, and whoever was sent a link to a
// document or a download.
func KeepsName(name string) bool {
	lower := strings.ToLower(name)
	for part := range strings.SplitSeq(lower, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	if strings.HasPrefix(lower, "_") && !strings.Contains(lower, "/") {
		return true
	}
	base := path.Base(lower)
	switch path.Ext(base) {
	case "", ".htm", ".html", ".xhtml", ".xml", ".rss", ".atom", ".txt", ".webmanifest", ".ico", ".md", ".php",
		".pdf", ".epub", ".doc", ".docx", ".odt", ".zip", ".gz", ".xz", ".tar", ".tgz", ".7z", ".exe", ".dmg", ".deb", ".rpm", ".apk", ".iso",
		".ics", ".vcf", ".asc", ".sig", ".pem":
		return true
	}
	return base == "manifest.json" || strings.HasPrefix(base, "apple-touch-icon") || workers.MatchString(base)
}

// Renamed is a name with another extension.
func Renamed(name, extension string) string {
	return strings.TrimSuffix(name, path.Ext(name)) + extension
}

// IsStray knows the files that tools leave in a folder and nobody means to
// publish: those of version control, of desktops and of editors.
func IsStray(name string) bool {
	switch base := path.Base(name); base {
	case ".git", ".hg", ".svn", ".gitignore", ".gitattributes", ".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini":
		return true
	default:
		return strings.HasPrefix(base, ".#") || strings.HasSuffix(base, "~") ||
			strings.HasPrefix(base, ".") && (strings.HasSuffix(base, ".swp") || strings.HasSuffix(base, ".swo"))
	}
}
