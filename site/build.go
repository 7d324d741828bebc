package site

import (
	"sync"

	"golang.org/x/sync/semaphore"

	"ddc/site/config"
	"ddc/site/content"
)

// build has the services of all phases: to make calls, to admit what takes much
// memory, to read the project. It holds no value of any phase.
type build struct {
	Plugins
	options Options
	// cfg and project are replaced only while nobody asks the site.
	cfg     *config.Config
	project *content.Project

	slots    chan struct{} // one for each call under way
	renders  chan struct{} // one for each page that is in its template
	memory   *semaphore.Weighted
	textRoom *semaphore.Weighted // see admit
	progress sync.Mutex

	mu      sync.Mutex
	calls   map[string]int // by plugin
	heldOf  map[string]int64
	held    int64              // bytes of sources
	longest hand               // of the sources
	hands   map[*hand]struct{} // what is worked on
}

func newBuild(p Plugins, o Options) *build {
	return &build{Plugins: p, options: o, slots: make(chan struct{}, o.Jobs), renders: make(chan struct{}, o.Jobs),
		memory: semaphore.NewWeighted(o.Memory), textRoom: semaphore.NewWeighted(o.Memory / textsShare),
		calls: map[string]int{}, heldOf: map[string]int64{}, hands: map[*hand]struct{}{}}
}
