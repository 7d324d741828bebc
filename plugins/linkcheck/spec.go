package linkcheck

import (
	"time"

	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/linkcheck/linkcheckpb"
)

// Spec describes the linkcheck plugin: it uses the internet.
func Spec() spec.Spec {
	return spec.Spec{
		Name:    "linkcheck",
		Open:    func() plugin.Service { return New() },
		Confine: func(spec.Site) spec.Confinement { return spec.Confinement{Environment: spec.Proxies()}.Online() },
		// A thousand links to one domain take a thousand seconds and more: see
		// the package's comment.
		CallTime: func(spec.Site) time.Duration { return time.Hour },
		Here:     "it asks the internet from where the build runs",
		Alone:    "it keeps the pace at which servers are asked",
		Answers: map[string]spec.Answer{
			linkcheckpb.Linkcheck_Check_FullMethodName: spec.Whole,
		},
	}
}
