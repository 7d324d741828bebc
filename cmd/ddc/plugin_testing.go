package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ddc/internal/heir"
	"ddc/internal/printable"
	"ddc/plugin/host"
	"ddc/proto/sitepb"
	"ddc/site/config"
	"ddc/site/starter"
	"ddc/site/trial"
)

// trialTime is how long one call of a plugin under test may take.
const trialTime = 20 * time.Second

func newPluginTest() *cobra.Command {
	var f buildFlags
	var stages []string
	c := &cobra.Command{
		Use:   "test PROGRAM [ARG...]",
		Short: "Call a site's own plugin with sample pages, and judge its answers",
		Long: "Start PROGRAM in its sandbox, as a build does. Call each method that it says it has,\n" +
			"twice: with ordinary pages, empty, long and broken ones. Then build a small site\n" +
			"with it two times, which is to come out the same. A line for each call says what the\n" +
			"plugin did. Exit code 1 if one was no answer that a build could take.",
		Example: "  ddc plugin test ./shout\n  ddc plugin test --stage html ./shout",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := programToTest(args)
			if err != nil {
				return err
			}
			for _, name := range stages {
				p.Stages = append(p.Stages, strings.TrimSpace(name))
			}
			if p.rights, err = rightsOf(f.allow); err != nil {
				return usagef("--allow: %w", err)
			}
			return testPlugin(c.Context(), screenOf(c.OutOrStdout()), p)
		},
	}
	c.Flags().SetInterspersed(false) // what follows PROGRAM is its own
	c.Flags().StringSliceVar(&stages, "stage", nil, "what a plugin without Describe does: "+strings.Join(config.Stages, ", "))
	c.Flags().StringSliceVar(&f.allow, "allow", nil, "let it do more than compute: "+rightsHelp)
	return c
}

// rightsOf reads rights without a name before them.
func rightsOf(words []string) (rights, error) {
	var r rights
	for _, word := range words {
		if err := r.add(word); err != nil {
			return r, err
		}
	}
	return r, nil
}

// testedName is what a plugin under test is called.
const testedName = "tested"

func programToTest(args []string) (*ownPlugin, error) {
	path, err := programNamed(args[0])
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	is := executable{named: path, path: path}
	if err == nil {
		is.sum, err = digestProgram(path)
	}
	if err != nil {
		return nil, usagef("no program to test: %w", err)
	}
	p := &ownPlugin{Plugin: config.Plugin{Name: testedName, Command: path, Args: args[1:]}}
	p.is.Store(&is)
	return p, nil
}

// testPlugin judges a program, and prints what it did.
func testPlugin(ctx context.Context, out screen, p *ownPlugin) error {
	verdicts, err := tryCalls(ctx, p)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return fmt.Errorf("test %s: %w", p.path(), err)
	}
	failed := 0
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, v := range verdicts {
		result, said := "ok", v.Said
		if v.Fault != "" {
			result, said = "FAULT", v.Fault
			failed++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", result, v.Method, v.About, duration(v.Took), printable.Line(printable.Cut(said)))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if failed == 0 {
		said, fault, err := trySite(ctx, p)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("test %s: %w", p.path(), err)
		}
		if fault {
			failed++
		}
		fmt.Fprintln(out, said)
	}
	fmt.Fprintf(out, "%s, %s\n", printable.Count(len(verdicts), "call"), printable.Count(failed, "fault"))
	if failed > 0 {
		return errReported{exitSite}
	}
	return nil
}

// tryCalls calls the program's methods.
func tryCalls(ctx context.Context, p *ownPlugin) (_ []trial.Verdict, err error) {
	shares, err := shareMemory("")
	if err != nil {
		return nil, err
	}
	on := siteOf(&config.Config{}, 1)
	o := host.Options{CallTimeout: trialTime, Attempts: 1, Confine: confine(on)}
	o.Calls.Replies, o.Calls.Requests = shares.replies(), shares.requests()
	ownPlugins{p}.into(&o)
	h, err := host.New(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return trial.Run(ctx, sitepb.NewSitePluginClient(h.Conn(p.Name)), p.Stages), nil
}

// trySite builds a small site with the plugin, two times.
func trySite(ctx context.Context, p *ownPlugin) (said string, fault bool, err error) {
	err = heir.Within("ddc-plugin-test-", func(folder string) error {
		said, fault, err = trySiteIn(ctx, folder, p)
		return err
	})
	return said, fault, err
}

func trySiteIn(ctx context.Context, folder string, p *ownPlugin) (said string, fault bool, err error) {
	site := filepath.Join(folder, "site")
	if err := starter.Write(site, starter.Docs); err != nil {
		return "", false, err
	}
	if err := nameInConfig(filepath.Join(site, filepath.FromSlash(config.Name)), p); err != nil {
		return "", false, fmt.Errorf("make a site to test with: %w", err)
	}
	var outputs [2]map[string][sha256.Size]byte
	for i := range outputs {
		output := filepath.Join(folder, "out"+strconv.Itoa(i))
		var stdout, stderr bytes.Buffer
		f := defaultBuildFlags()
		f.output, f.noCache, f.noCodeExec, f.allow, f.callTimeout = output, true, true, []string{allowOf(p)}, testedName+"="+trialTime.String()
		if err := build(ctx, site, f, newPrinter(screenOf(&stdout), screenOf(&stderr), f)); err != nil {
			text := strings.TrimSpace(stderr.String())
			if text == "" {
				text = err.Error()
			}
			return "FAULT  a small site cannot be built with it:\n" + text, true, nil
		}
		if outputs[i], err = digests(output); err != nil {
			return "", false, err
		}
	}
	if file := differing(outputs[0], outputs[1]); file != "" {
		return "FAULT  a small site comes out otherwise the second time: " + printable.Line(file), true, nil
	}
	return fmt.Sprintf("ok     a small site of %s, built two times", printable.Count(len(outputs[0]), "file")), false, nil
}

// allowOf is --allow with the rights that the plugin has.
func allowOf(p *ownPlugin) string {
	if words := p.rights.words(); len(words) > 0 {
		return p.Name + "=" + strings.Join(words, ",")
	}
	return p.Name
}

// nameInConfig adds the plugin to a configuration.
func nameInConfig(file string, p *ownPlugin) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	list := func(name string, of []string) (text string) {
		if len(of) == 0 {
			return ""
		}
		for _, word := range of {
			text += " " + strconv.Quote(word)
		}
		return "    " + name + text + "\n"
	}
	_, err = fmt.Fprintf(f, "\nplugin %q {\n    command %q\n%s%s}\n", p.Name, p.path(), list("args", p.Args), list("stage", p.Stages))
	return errors.Join(err, f.Close())
}

// defaultBuildFlags are those of a build without any.
func defaultBuildFlags() buildFlags {
	var f buildFlags
	f.register(&cobra.Command{})
	return f
}
