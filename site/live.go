package site

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"ddc/internal/memory"
)

// This process holds the texts of all sources, as far as there is room for them
// (overflow.go), every page and style sheet, and what it works on. If that does
// not fit, the file that is too large is at fault. It is found in one of three
// ways:
//
//   - hold sums the sources up as they are read;
//   - admit lets large texts be worked on by their bytes, as pictures are, and
//     refuses what no message can carry;
//   - a guard looks at the live heap, and ends the build with the name of the
//     largest file in hand.
const (
	// heldShare is the part of Options.Memory that sources may take. The rest
	// is for what is made of them: a body's HTML, the page around it, and the
	// minified page.
	heldShare = 4
	// textsShare is the part that texts being worked on may take, beside what
	// is held.
	textsShare = 2
	// textPerByte is what each byte of a text being worked on takes in all
	// processes: the request and the reply at both ends, and the plugin's tree.
	// Goldmark's tree is the largest.
	textPerByte = 16
	// smallText is the size up to which a text is admitted without being
	// counted.
	smallText = 256 << 10
)

// hold counts a source that is about to be read, and that may stay in memory to
// the end. A refused file is not counted, so each file that is too large is
// reported, but not the files after it. All refused ones are one fault.
func (b *build) hold(file string, size int64) error {
	most := b.options.Memory / heldShare
	b.mu.Lock()
	sum := b.held - b.heldOf[file] + size // it may be read again
	if sum <= most {
		b.held, b.heldOf[file] = sum, size
		if size > b.longest.bytes {
			b.longest = hand{file, size}
		}
	}
	b.mu.Unlock()
	if sum <= most {
		return nil
	}
	return Errors{{File: file, Files: []string{file}, Message: fmt.Sprintf("does not fit into memory beside the other sources, which may take %d MB together", most/1e6),
		Hint: "make the sources smaller, or allow more with --memory-limit"}}
}

// letGo forgets a source that has gone.
func (b *build) letGo(file string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= b.heldOf[file]
	delete(b.heldOf, file)
}

// weighed are the plugins whose work weigh admits, by what it is known to take.
var weighed = map[string]bool{"image": true, "webp": true, "jxl": true, "fonts": true}

// admit waits until there is memory for a request's work, and returns a
// function that gives it back. Admitted work waits for nothing else, so all of
// it comes to an end.
func (b *build) admit(ctx context.Context, plugin, file string, request proto.Message) (done func(), err error) {
	size := int64(proto.Size(request))
	if most := b.options.Message; size > most {
		what := "is too large"
		if file == "" {
			what = "the site is too large for the " + plugin + " plugin"
		}
		return nil, Errors{{File: file, Message: fmt.Sprintf("%s: %d MB are to be sent, at most %d MB", what, size/1e6, most/1e6),
			Hint: "split it up, or allow more with --memory-limit"}}
	}
	drop := b.inHand(file, size)
	if size <= smallText || weighed[plugin] {
		return drop, nil
	}
	bytes := min(textPerByte*size, b.options.Memory/textsShare)
	if err := b.textRoom.Acquire(ctx, bytes); err != nil {
		drop()
		return nil, err
	}
	return func() { b.textRoom.Release(bytes); drop() }, nil
}

// hand is a piece of work that is under way.
type hand struct {
	file  string
	bytes int64
}

// inHand notes that a file is being worked on, until drop is called.
func (b *build) inHand(file string, bytes int64) (drop func()) {
	h := &hand{file, bytes}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hands[h] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.hands, h)
	}
}

// largest is the largest file in hand. If no file is in hand, it is the longest
// source so far: sources are read one by one before any is worked on. "" means
// none.
func (b *build) largest() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	most := hand{bytes: -1}
	if len(b.hands) == 0 {
		most = b.longest
	}
	for h := range b.hands {
		if h.file != "" && (h.bytes > most.bytes || h.bytes == most.bytes && h.file < most.file) {
			most = *h
		}
	}
	return most.file
}

// guard ends the build, by Heap.Abort, when more is alive in this process
// than Heap.Live.
func (b *build) guard() *memory.Guard {
	if b.options.Heap.Abort == nil {
		return nil
	}
	// Between two collections the heap holds garbage too.
	return memory.NewGuard(b.options.Heap.Live, b.options.Heap.Live+b.options.Heap.Live/2, func(bytes int64) {
		p := Problem{File: b.largest(), Message: fmt.Sprintf("the build takes %d MB in the host while it works on this, at most %d MB", bytes/1e6, b.options.Heap.Live/1e6),
			Hint: "make it smaller, or allow more with --memory-limit"}
		if p.File == "" {
			p.Message = fmt.Sprintf("the site takes %d MB in the host, at most %d MB", bytes/1e6, b.options.Heap.Live/1e6)
		}
		b.options.Heap.Abort(Errors{p})
	})
}
