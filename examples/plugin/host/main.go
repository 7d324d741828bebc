// A host of one plugin: it starts the program named first, on the wake strategy
// named second, and has it shout what follows.
//
//	go build -o /tmp/shout ./examples/plugin
//	go run ./examples/plugin/host /tmp/shout futex hello there
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"ddc/examples/plugin/shoutpb"
	"ddc/plugin/host"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	if len(args) < 2 {
		return errors.New("usage: host PLUGIN STRATEGY TEXT")
	}
	h, err := host.New(host.Options{
		Command: func(string) (string, []string) { return args[0], nil },
		Wake:    args[1],
	})
	if err != nil {
		return err
	}
	defer func() {
		if closing := h.Close(); err == nil {
			err = closing
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := shoutpb.NewShoutClient(h.Conn("shout")).Louder(ctx, &shoutpb.Text{Text: strings.Join(args[2:], " ")})
	if err != nil {
		return err
	}
	fmt.Println(answer.Text)
	return nil
}
