package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ddc/internal/printable"
	"ddc/site/config"
	"ddc/site/content"
)

const newHelp = `Write a page with front matter into the content folder of the site that the
working directory belongs to. PATH counts from the content folder: blog/first is
content/blog/first.md, blog/ is the section content/blog/_index.md. The page is a
draft until you take that line out. A file that is there is left alone.`

func newNew() *cobra.Command {
	var dir, title string
	c := &cobra.Command{
		Use:     "new PATH",
		Short:   "Write a new page",
		Long:    newHelp,
		Example: "  ddc new blog/first\n  ddc new blog/first --title \"The first of many\" --site my-site",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFolder(dir); err != nil {
				return err
			}
			cfg, err := config.Load(dir, config.Overrides{})
			if err != nil {
				return loadError(err)
			}
			made, err := newPage(cfg, args[0], title, time.Now())
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), printable.Line(shortest(made)))
			return nil
		},
	}
	c.Flags().StringVar(&title, "title", "", "title of the page, instead of one made of its name")
	c.Flags().StringVar(&dir, "site", ".", "folder of the site")
	return c
}

// newPage writes a page, and returns its file. The file is new, and lies in the
// content folder whatever links there are.
func newPage(cfg *config.Config, name, title string, now time.Time) (string, error) {
	source, err := sourceOf(cfg, name)
	if err != nil {
		return "", err
	}
	if title == "" {
		title = content.TitleOf(source)
	}
	text := fmt.Sprintf("+++\ntitle = %s\ndate = %s\ndraft = true\n+++\n\n", strconv.QuoteToGraphic(title), now.Format(time.DateOnly))
	if path.Base(source) == "_index.md" {
		text = fmt.Sprintf("+++\ntitle = %s\n+++\n\n", strconv.QuoteToGraphic(title))
	}
	root, err := os.OpenRoot(cfg.Content)
	if err != nil {
		return "", pathError(fmt.Errorf("open the content folder: %w", err))
	}
	defer root.Close()
	made := filepath.Join(cfg.Content, filepath.FromSlash(source))
	if err := root.MkdirAll(path.Dir(source), 0o777); err != nil {
		return "", pathError(fmt.Errorf("make the folder of %s: %w", printable.Line(source), err))
	}
	file, err := root.OpenFile(source, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", usagef("%s is there already: choose another name, or edit that", printable.Line(shortest(made)))
	case err != nil:
		return "", pathError(fmt.Errorf("write %s: %w", printable.Line(source), err))
	}
	_, err = file.WriteString(text)
	return made, errors.Join(err, file.Close())
}

// sourceOf is the path of a page below the content folder.
func sourceOf(cfg *config.Config, name string) (string, error) {
	if absolute, err := filepath.Abs(name); err == nil && config.Within(cfg.Content, absolute) && absolute != cfg.Content {
		if relative, err := filepath.Rel(cfg.Content, absolute); err == nil { // as a shell completes it
			name = filepath.ToSlash(relative) + name[len(strings.TrimRight(name, "/")):]
		}
	}
	source := path.Clean(name)
	switch {
	case strings.HasSuffix(name, "/") && source != "/":
		source = path.Join(source, "_index.md")
	case path.Ext(source) != ".md":
		source += ".md"
	}
	for part := range strings.SplitSeq(source, "/") {
		if !content.Visible(part) {
			return "", usagef("%s: a page's name and its folders have no dot before them", printable.Line(name))
		}
	}
	if !filepath.IsLocal(source) || strings.ContainsAny(source, "\x00\\") {
		return "", usagef("%s: name a page below the content folder, as in blog/first", printable.Line(name))
	}
	return source, nil
}
