package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"ddc/internal/suggest"
	"ddc/site/asset"
	"ddc/site/template"
)

// functions are what the template of a page can call.
func (b *build) functions(ctx context.Context, p *page, v *values, files *dataFiles) template.Funcs {
	return template.Funcs{
		GetURL: b.getURL, Fingerprint: b.fingerprint, GetSection: v.section, GetPage: v.page,
		LoadData: func(name, format string, required bool) (any, error) { return files.load(b, name, format, required) },
		Markdown: func(text string) (string, error) { return b.markdownOf(ctx, p, text, v.known) },
		Now:      func() time.Time { return b.options.Now },
	}
}

// getURL is the templates' function get_url. It gives the address of a page
// ("@/guide/intro.md" or its path alone), and for anything else the path from
// the site's root.
func (b *build) getURL(name string) (string, error) {
	if source, isPage := strings.CutPrefix(name, "@/"); isPage {
		target, tail := source, ""
		if i := strings.IndexAny(source, "?#"); i >= 0 {
			target, tail = source[:i], source[i:]
		}
		if p := b.pageOf(target); p != nil {
			return asset.URL(p.URL()) + tail, nil
		}
		if b.draft(target) != nil {
			return "", &template.Refusal{Message: fmt.Sprintf("%q is a draft", name), Hint: draftHint}
		}
		return "", fmt.Errorf("%q leads to no page", name)
	}
	return "/" + strings.TrimPrefix(name, "/"), nil
}

// fingerprint stands for what is in a file whose name stays as it is. Other
// files, which are named by their content, need none.
func (b *build) fingerprint(name string) (string, error) {
	file := b.byPath[strings.TrimPrefix(name, "/")]
	switch {
	case file == nil || !file.stable:
		return "", nil
	case file.compiled:
		return "", &template.Refusal{Message: fmt.Sprintf("%q is compiled, and keeps its name", name),
			Hint: "take it out of stable_assets: then its address changes by itself"}
	}
	data, err := b.bytes(file.file)
	if err != nil {
		return "", single(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:20], nil
}

// section is the templates' function get_section.
func (v *values) section(path string) (any, error) {
	if value, known := v.byPath[strings.TrimPrefix(path, "@/")]; known {
		return value, nil
	}
	return nil, nil
}

// page is the templates' function get_page.
func (v *values) page(path string) (any, error) {
	path = strings.TrimPrefix(path, "@/")
	if value, known := v.pageAt[path]; known {
		return value, nil
	}
	refusal := &template.Refusal{Message: fmt.Sprintf("there is no page %q", path), Hint: "paths count from the content folder, as in \"guide/intro.md\""}
	if _, isSection := v.byPath[path]; isSection {
		refusal.Hint = "it is a section: write get_section"
	} else if near := suggest.Nearest(path, sortedKeys(v.pageAt)); near != "" {
		refusal.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, refusal
}

// markdownOf is the templates' filter markdown: HTML of a text, as of a page's body.
func (b *build) markdownOf(ctx context.Context, p *page, text string, known *mentions) (string, error) {
	answer, err := b.markdown(ctx, p, text, 1, known)
	if err != nil {
		return "", err
	}
	if len(answer.BrokenLinks) > 0 {
		message, hint := b.leadsNowhere(p, answer.BrokenLinks[0])
		return "", &template.Refusal{Message: message, Hint: hint}
	}
	return b.withCode(ctx, p, answer)
}
