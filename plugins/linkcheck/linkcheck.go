// Package linkcheck asks external URLs whether they still answer.
//
// A URL gets a HEAD request, and a GET if its server does not know HEAD.
// Several domains are asked at the same time, but each at most once in the
// call's delay. Redirects, second attempts and the requests of other calls
// count too, since the Service keeps the pace. A request's time-out does not
// include waiting for its turn.
//
// A thousand links to one domain at a delay of a second take a thousand
// seconds. Cancel the call to end earlier.
package linkcheck

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"ddc/plugins/linkcheck/linkcheckpb"
)

const (
	// defaultTimeout is a request's time if the call sets none.
	defaultTimeout = 10 * time.Second
	// atOnce is how many domains one call asks at the same time.
	atOnce = 32
)

// Service answers the calls of the linkcheck plugin.
type Service struct {
	linkcheckpb.UnimplementedLinkcheckServer
	network http.RoundTripper
	pace    *pace
}

var _ linkcheckpb.LinkcheckServer = (*Service)(nil)

// New makes the service; it connects to nothing.
func New() *Service {
	network := http.DefaultTransport.(*http.Transport).Clone()
	network.MaxIdleConnsPerHost = 1
	network.IdleConnTimeout = 30 * time.Second
	return &Service{network: network, pace: newPace()}
}

// Register adds the service to r.
func (s *Service) Register(r grpc.ServiceRegistrar) { linkcheckpb.RegisterLinkcheckServer(r, s) }

// Close closes the connections that are kept open between requests.
func (s *Service) Close() error {
	if network, ok := s.network.(interface{ CloseIdleConnections() }); ok {
		network.CloseIdleConnections()
	}
	return nil
}

// Check checks each URL. What a server does, or does not, is a result; the call
// fails only when it is cancelled.
func (s *Service) Check(ctx context.Context, req *linkcheckpb.CheckRequest) (*linkcheckpb.CheckResponse, error) {
	results := make([]*linkcheckpb.Result, len(req.GetUrls()))
	byDomain := map[string][]*link{}
	var domains []string
	links := map[string]*link{} // by URL without fragment: places of one page are one request
	for i, rawURL := range req.GetUrls() {
		l, fault := parse(rawURL)
		switch {
		case fault != "":
			results[i] = &linkcheckpb.Result{Url: rawURL, Status: linkcheckpb.Result_STATUS_FAILED, Message: fault}
			continue
		case isSkipped(l.domain, req.GetSkipDomains()):
			results[i] = &linkcheckpb.Result{Url: rawURL, Status: linkcheckpb.Result_STATUS_SKIPPED}
			continue
		}
		if known, ok := links[l.address]; ok {
			l = known
		} else {
			links[l.address] = l
			if byDomain[l.domain] == nil {
				domains = append(domains, l.domain)
			}
			byDomain[l.domain] = append(byDomain[l.domain], l)
		}
		l.places = append(l.places, i)
	}
	c := s.checker(req)
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, domain := range domains {
		group.Go(func() error {
			for _, l := range byDomain[domain] {
				answer := c.check(groupContext, l.address)
				if err := ctx.Err(); err != nil {
					return err
				}
				for _, i := range l.places {
					results[i] = &linkcheckpb.Result{Url: req.GetUrls()[i], Status: answer.status, Code: int32(answer.code), Message: answer.message}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	return &linkcheckpb.CheckResponse{Results: results}, nil
}
