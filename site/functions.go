package site

import (
	"encoding/hex"
	"fmt"
	"strings"

	"ddc/site/template"
)

// fingerprint stands for what is in a file whose name stays as it is. Other
// files, which are named by their content, need none.
func (v *view) fingerprint(name string) (string, error) {
	all, err := v.statics.Get(v.ctx, v.ask, "")
	if err != nil {
		return "", err
	}
	file := all.byPath[strings.TrimPrefix(name, "/")]
	switch {
	case file == nil || !file.stable:
		return "", nil
	case file.compiled:
		return "", &template.Refusal{Message: fmt.Sprintf("%q is compiled, and keeps its name", name),
			Hint: "take it out of stable_assets: then its address changes by itself"}
	}
	sum, err := v.digests.Get(v.ctx, v.ask, file.name)
	if err != nil {
		return "", single(err)
	}
	return hex.EncodeToString(sum)[:20], nil
}
