package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"ddc/internal/printable"
	"ddc/plugin/host"
	"ddc/plugins"
	"ddc/transport/hub"
)

// replicaShare is the part of the memory limit that further processes of
// plugins may take.
const replicaShare = 8

// parseReplicas reads "minify=3,image=2", and says how many processes of each
// plugin may run within the memory that there is.
func parseReplicas(text string, shares memoryShares) (host.Replicas, error) {
	places := hub.DefaultPeers - len(plugins.All())
	room := int(shares.limit / replicaShare / leastHeap)
	r := host.Replicas{Of: map[string]int{}, Up: upTo(runtime.GOMAXPROCS(0)), Extra: min(places, room)}
	if text == "" {
		return r, nil
	}
	more := 0
	for _, word := range strings.Split(text, ",") {
		name, number, paired := strings.Cut(strings.TrimSpace(word), "=")
		n, err := strconv.Atoi(number)
		_, twice := r.Of[name]
		switch {
		case !paired || err != nil:
			return r, fmt.Errorf("%q is no NAME=N, such as minify=2", word)
		case !slices.Contains(pluginNames(), name):
			return r, fmt.Errorf("unknown plugin %q%s: the plugins are %s", name, meant(name, pluginNames()), strings.Join(pluginNames(), ", "))
		case n < 1:
			return r, fmt.Errorf("%s=%d: a plugin has at least one process", name, n)
		case twice:
			return r, fmt.Errorf("%s is given twice", name)
		case n > 1 && aloneFor(name) != "":
			return r, fmt.Errorf("%s has one process only: %s", name, aloneFor(name))
		}
		r.Of[name] = n
		more += min(n, hub.DefaultPeers) - 1
	}
	switch {
	case more > places:
		return r, fmt.Errorf("%s: that is %d processes beyond one of each plugin, and there are places for %d", text, more, places)
	case more > room:
		return r, fmt.Errorf("%s: that is %d processes beyond one of each plugin; a memory limit of %s has room for %d", text, more, printable.Size(shares.limit), room)
	}
	return r, nil
}

// upTo lets plugins that are the bottleneck have as many processes as there are
// processors.
func upTo(processors int) func(name string) int {
	return func(name string) int {
		if aloneFor(name) != "" {
			return 1
		}
		return processors
	}
}

// aloneFor says why a plugin may have one process only, or "".
func aloneFor(name string) string {
	s, err := specOf(name)
	if err != nil {
		return ""
	}
	return s.Alone
}
