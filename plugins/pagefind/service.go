package pagefind

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ddc/internal/tool"
	"ddc/plugins/pagefind/pagefindpb"
)

// Pagefind's service speaks JSON in base64, with a comma after each message. A
// request has a number, which its answer repeats. Answers come in any order. At
// the end of its input the service stops, and leaves open requests unanswered.

type request struct {
	ID      int `json:"message_id"`
	Payload any `json:"payload"`
}

type newIndex struct {
	Type   string   `json:"type"` // "NewIndex"
	Config struct{} `json:"config"`
}

type addFile struct {
	Type  string `json:"type"` // "AddFile"
	Index int    `json:"index_id"`
	URL   string `json:"url"`
	HTML  string `json:"file_contents"`
}

type getFiles struct {
	Type  string `json:"type"` // "GetFiles"
	Index int    `json:"index_id"`
}

type answer struct {
	ID      *int `json:"message_id"`
	Payload struct {
		Type    string `json:"type"`
		Message string `json:"message"` // of type "Error"
		Index   int    `json:"index_id"`
		Files   []struct {
			Path    string `json:"path"`
			Content []byte `json:"content"`
		} `json:"files"`
	} `json:"payload"`
}

// A refusal is Pagefind's answer that a page cannot be indexed.
type refusal struct{ url, message string }

func (r *refusal) Error() string { return fmt.Sprintf("%s: cannot be indexed: %s", r.url, r.message) }

// build runs one service from start to end. Next gives page after page, and
// then io.EOF.
func build(ctx context.Context, next func() (*pagefindpb.Page, error)) (files []*pagefindpb.IndexFile, err error) {
	process, err := tool.Command{Program: indexer, Args: []string{"--service"}}.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		// If it ended by itself, how it ended says more than that an answer is
		// missing.
		if ended := process.Close(); ended != nil {
			files, err = nil, errors.Join(ended, err)
		}
	}()
	talk := conversation{in: process.In, out: bufio.NewReaderSize(process.Out, 1<<16)}
	if err := talk.send(0, newIndex{Type: "NewIndex"}); err != nil {
		return nil, err
	}
	created, err := talk.receive("NewIndex")
	if err != nil {
		return nil, err
	}
	index := created.Payload.Index
	count, err := talk.add(index, next)
	if err != nil {
		return nil, err
	}
	if err := talk.send(count+1, getFiles{Type: "GetFiles", Index: index}); err != nil {
		return nil, err
	}
	finished, err := talk.receive("GetFiles")
	if err != nil {
		return nil, err
	}
	for _, file := range finished.Payload.Files {
		files = append(files, &pagefindpb.IndexFile{Path: "pagefind/" + file.Path, Contents: file.Content})
	}
	slices.SortFunc(files, func(a, b *pagefindpb.IndexFile) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

type conversation struct {
	in  io.Writer
	out *bufio.Reader
}

// ahead is how many pages Pagefind may have without having answered: enough to
// keep it busy. Each lies in its memory.
const ahead = 64

// add hands over every page, and reads the answers at the same time. If answers
// were left in the pipe, both sides would wait once it is full.
func (c *conversation) add(index int, next func() (*pagefindpb.Page, error)) (count int, err error) {
	answers := &answers{owed: make(chan struct{}, ahead), over: make(chan struct{})}
	go answers.read(c)
	urls, err := c.hand(index, next, answers)
	close(answers.owed)
	if err != nil {
		return 0, err // who ends the process ends the reader
	}
	<-answers.over
	if id := answers.refused; answers.failed == nil && id >= 1 && id <= len(urls) {
		return 0, &refusal{urls[id-1], answers.why}
	}
	return len(urls), answers.failed
}

// hand sends page after page, and gives the URLs of those that it has sent.
func (c *conversation) hand(index int, next func() (*pagefindpb.Page, error), answers *answers) (urls []string, err error) {
	for {
		page, err := next()
		if errors.Is(err, io.EOF) {
			return urls, nil
		}
		if err != nil {
			return nil, err
		}
		urls = append(urls, page.GetUrl())
		select {
		case answers.owed <- struct{}{}:
		case <-answers.over: // it has died
			return urls, nil
		}
		if err := c.send(len(urls), addFile{Type: "AddFile", Index: index, URL: page.GetUrl(), HTML: readable(page.GetHtml())}); err != nil {
			return nil, err
		}
	}
}

// answers reads the answers to pages, which come in any order.
type answers struct {
	owed chan struct{} // one for each that is to come
	over chan struct{} // closed when all have come, or none will

	// What follows is set once it is over.
	failed  error
	refused int // the first page that was, by number, or 0
	why     string
}

func (a *answers) read(c *conversation) {
	defer close(a.over)
	for range a.owed {
		added, err := c.receive("IndexedFile")
		switch {
		case err == nil:
		case added == nil:
			a.failed = err
			return
		case a.refused == 0 || *added.ID < a.refused:
			a.refused, a.why = *added.ID, added.Payload.Message
		}
	}
}

func (c *conversation) send(id int, payload any) error {
	text, err := json.Marshal(request{ID: id, Payload: payload})
	if err != nil {
		return fmt.Errorf("write a request to Pagefind: %w", err)
	}
	message := base64.StdEncoding.AppendEncode(nil, text)
	if _, err := c.in.Write(append(message, ',')); err != nil {
		return fmt.Errorf("send to Pagefind: %w", err)
	}
	return nil
}

// receive reads the next answer. It returns the answer beside an error if there
// was one.
func (c *conversation) receive(want string) (*answer, error) {
	message, err := c.out.ReadBytes(',')
	if err != nil {
		return nil, fmt.Errorf("wait for Pagefind's answer: %w", err)
	}
	text, err := base64.StdEncoding.AppendDecode(nil, message[:len(message)-1])
	if err != nil {
		return nil, fmt.Errorf("read Pagefind's answer: %w", err)
	}
	var got answer
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, fmt.Errorf("read Pagefind's answer: %w", err)
	}
	if got.ID == nil || got.Payload.Type != want {
		if got.ID == nil {
			return nil, fmt.Errorf("a request that Pagefind cannot read: %s", got.Payload.Message)
		}
		return &got, fmt.Errorf("an answer of type %s: %s", got.Payload.Type, got.Payload.Message)
	}
	return &got, nil
}
