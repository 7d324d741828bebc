# The external tools that plugins drive: what Go modules cannot bring. `make tools` installs them; a second run finds the
# stamp and does nothing.
#
# Dart Sass and Pagefind are npm packages, pinned by tools/package-lock.json, and go into .tools. The rest are Debian's own
# packages (versions are those of Debian 12: libjxl 0.7.0, HarfBuzz 6.0.0, woff2 1.0.2), installed only if a
# program of theirs is not there.

TOOLS_STAMP := .tools/stamp
TOOLS_PROGRAMS := cjxl djxl hb-subset woff2_compress woff2_decompress
TOOLS_PACKAGES := libjxl-tools libharfbuzz-bin woff2

.PHONY: tools
tools: $(TOOLS_STAMP) ## Install Dart Sass, Pagefind, libjxl, HarfBuzz and woff2.

$(TOOLS_STAMP): tools.mk tools/debian tools/npm tools/package.json tools/package-lock.json
	@tools/debian "$(TOOLS_PROGRAMS)" "$(TOOLS_PACKAGES)"
	@tools/npm .tools
	@touch $@
