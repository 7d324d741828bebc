package site

import (
	"log/slog"
	"time"
)

// Options configure a build.
type Options struct {
	// Jobs is how many files are worked on at once, each with one call, or, for
	// a picture, one call for each format. 0 is twice the number of processors,
	// since in a call the host mostly waits.
	Jobs int
	// Memory bounds what pictures and fonts may take at once, in bytes, in this
	// process and the plugins together; 0 is 3 GiB. See admission.go.
	Memory int64
	// Limit is what the build may take in all, in bytes, with everything that
	// it starts. It is for what is told where memory has run out, and for what
	// Sass may take; 0 tells no number.
	Limit int64
	// Message bounds what one call sends, in bytes; 0 is 256 MiB.
	Message int64
	// Heap bounds what is alive in this process.
	Heap Heap
	// CheckLinks asks external links whether they still answer.
	CheckLinks bool
	// Strict makes broken links errors, and what nobody knows in the
	// configuration and in front matter.
	Strict bool
	// Drafts builds drafts as well.
	Drafts bool
	// Dry does all but write the output, and make the search.
	Dry bool
	// SassTime is how long Sass may take to compile; 0 leaves it to the plugin.
	// What takes longer is the site's fault: most likely it has a loop without
	// end. Time in which the plugin was stopped does not count.
	SassTime time.Duration
	// Now is what templates take for the time of the build; zero is for the
	// time at which it begins.
	Now time.Time
	// NoSearch makes no index for searching the site.
	NoSearch bool
	// NoCodeExec runs no code samples.
	NoCodeExec bool
	// Answers, if not nil, are those that plugins gave in earlier builds.
	Answers *Answers
	// Remembered, if not nil, is what earlier processes have made of the site.
	Remembered *Remembered
	// Changes compares pages with those of the output that is replaced, and
	// fills in Result.Changes. It costs a read of every old page, and a call
	// for each page that differs, up to maxChanges.
	Changes bool
	// Progress, if not nil, hears what the plugins do, one event at a time.
	// Calls wait for it.
	Progress func(Event)
	// Steps, if not nil, hears how far the steps of Site.Build are. It is
	// called by many goroutines at once.
	Steps func(Step)
	// Unfinished is where files lie that are not in the output yet.
	Unfinished Unfinished
	// Log, if not nil, gets what code samples print, if the configuration asks
	// for it, and what the output's file system lacks.
	Log *slog.Logger
}

// Heap bounds what is alive on this process's heap. Beyond Live, in bytes,
// Abort is called, which must end the build's context with the Errors that it
// gets. A nil Abort means no bound.
type Heap struct {
	Live  int64
	Abort func(error)
}

// Unfinished says where files lie that are not in the output yet.
type Unfinished struct {
	// TempDir makes a temporary folder in parent. Its name begins with prefix.
	// nil is os.MkdirTemp.
	TempDir func(parent, prefix string) (string, error)
	// Beside stands for the output where files wait until they are asked for:
	// in a folder beside it. "" is the output itself.
	Beside string
	// Room is how many bytes of what pages are made of, step by step, stay in
	// memory. The rest waits in a file without a name, in the same folder. 0 is
	// for all.
	Room int64
}

// Result is what a build has made.
type Result struct {
	// Pages counts HTML pages; Files counts all files, pages included.
	Pages, Files int
	Bytes        int64
	// Rendered counts the pages that went through their templates since the
	// site was opened; the others were remembered.
	Rendered int
	// Edited are the files that have changed since the process whose work was
	// remembered, relative to the project.
	Edited []string
	// Samples counts the code samples by what confined them, or "cached".
	Samples map[string]int
	// Warnings are sorted by file and line.
	Warnings []Problem
	// Changes lists pages that differ from the previous output, by path, if
	// Options.Changes.
	Changes []Change
	// Extensions are the plugins of the site's own that took part, in the order
	// in which a page comes to them.
	Extensions []Described
}
