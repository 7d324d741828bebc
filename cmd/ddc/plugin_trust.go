package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/site/config"
)

// Trust is remembered as a file for each program, named by a digest of its path
// and its bytes. So another program at that path is not trusted, nor the same
// one elsewhere. The file's text is for people.

// trustFile is where trust in a program is remembered.
func trustFile(p *ownPlugin) (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find a place to remember trust in: %w", err)
	}
	if !filepath.IsAbs(folder) {
		return "", fmt.Errorf("find a place to remember trust in: %s is no absolute path", folder)
	}
	h := sha256.New()
	sum := p.sum()
	h.Write(sum[:])
	h.Write([]byte(p.path()))
	return filepath.Join(folder, "ddc", "trusted", hex.EncodeToString(h.Sum(nil))), nil
}

// isTrusted says whether the user has trusted a program as it is now.
func isTrusted(p *ownPlugin) bool {
	file, err := trustFile(p)
	if err != nil {
		return false
	}
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

func trust(p *ownPlugin) error {
	file, err := trustFile(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(p.path()+"\n"), 0o600)
}

func distrust(p *ownPlugin) error {
	file, err := trustFile(p)
	if err != nil {
		return err
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func newPluginTrust() *cobra.Command {
	var forget bool
	c := &cobra.Command{
		Use:   "trust [DIR]",
		Short: "Let builds run the programs that a site has as its plugins",
		Long: "Let builds run the programs that the site in DIR names as its plugins, as they are\n" +
			"now: once a program changes, it is asked for again. They still run in a sandbox, in\n" +
			"which they can only compute; --allow of ddc build gives them more. Trust is kept in\n" +
			"the folder ddc/trusted of your configuration.",
		Example: "  ddc plugin trust my-site\n  ddc plugin trust my-site --forget",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := siteFlags{}.load(folderIn(args))
			if err != nil {
				return err
			}
			change, done := trust, "trusted"
			if forget {
				change, done = distrust, "not trusted any more"
			}
			return eachProgram(cfg, func(p *ownPlugin) error {
				if err := change(p); err != nil {
					return fmt.Errorf("remember trust in %s: %w", p.path(), err)
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s: %s, %s\n", p.Name, printable.Line(shortest(p.path())), done)
				return err
			})
		},
	}
	c.Flags().BoolVar(&forget, "forget", false, "end the trust in the programs as they are now")
	return c
}

// eachProgram finds all programs that a configuration names before it does
// anything with one.
func eachProgram(cfg *config.Config, do func(*ownPlugin) error) error {
	var all ownPlugins
	var faults diagnostic.Errors
	for _, named := range cfg.Plugins {
		p, fault := findOwn(cfg, named)
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		all = append(all, p)
	}
	if faults != nil {
		return cfg.Quote(faults)
	}
	if len(all) == 0 {
		return usagef("%s names no plugins", shortest(cfg.File))
	}
	for _, p := range all {
		if err := do(p); err != nil {
			return err
		}
	}
	return nil
}
