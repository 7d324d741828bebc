package linkcheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ddc/plugins/linkcheck/linkcheckpb"
)

const (
	userAgent    = "ddc-linkcheck/1.0"
	maxRedirects = 10
)

// link is an address to check.
type link struct {
	address string // without fragment
	domain  string
	places  []int // in the request
}

// parse reads a URL; fault says why it cannot be checked.
func parse(rawURL string) (l *link, fault string) {
	parsed, err := url.Parse(strings.TrimSpace(rawURL))
	if err != nil {
		var reason *url.Error
		if errors.As(err, &reason) {
			err = reason.Err
		}
		return nil, fmt.Sprintf("not a URL: %v", err)
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, fmt.Sprintf("not a URL of http or https: scheme is %q", parsed.Scheme)
	}
	if parsed.Hostname() == "" {
		return nil, "not a URL: it names no host"
	}
	parsed.Fragment, parsed.RawFragment = "", ""
	return &link{address: parsed.String(), domain: domainOf(parsed)}, ""
}

// domainOf is the name that requests are counted by.
func domainOf(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

// isSkipped reports whether domain is one of skip, or below one of them.
func isSkipped(domain string, skip []string) bool {
	for _, s := range skip {
		s = strings.Trim(strings.ToLower(strings.TrimSpace(s)), ".")
		if s != "" && (domain == s || strings.HasSuffix(domain, "."+s)) {
			return true
		}
	}
	return false
}

// answer is the result of one address.
type answer struct {
	status  linkcheckpb.Result_Status
	code    int
	message string
}

// checker checks addresses with the settings of one call.
type checker struct {
	client http.Client
}

func (s *Service) checker(req *linkcheckpb.CheckRequest) *checker {
	timeout := time.Duration(req.GetTimeoutMs()) * time.Millisecond
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &checker{client: http.Client{
		Transport: &paced{next: s.network, pace: s.pace, delay: time.Duration(req.GetDelayMs()) * time.Millisecond, timeout: timeout},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			switch {
			case isSkipped(domainOf(next.URL), req.GetSkipDomains()):
				return http.ErrUseLastResponse // left alone; that it was named is answer enough
			case len(via) > maxRedirects:
				return errTooManyRedirects
			}
			return nil
		},
	}}
}

var errTooManyRedirects = fmt.Errorf("more than %d redirects", maxRedirects)

// check asks for one address by HEAD, and once more by GET if the answer is a
// fault: some servers answer HEAD with 405 or 501, others with 403 or 404. One
// that is asked too often is not asked again.
func (c *checker) check(ctx context.Context, address string) answer {
	a := c.ask(ctx, http.MethodHead, address)
	if a.code >= http.StatusBadRequest && a.code != http.StatusTooManyRequests {
		a = c.ask(ctx, http.MethodGet, address)
	}
	return a
}

func (c *checker) ask(ctx context.Context, method, address string) answer {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return answer{status: linkcheckpb.Result_STATUS_FAILED, message: err.Error()}
	}
	req.Header.Set("User-Agent", userAgent)
	res, err := c.client.Do(req)
	if err != nil {
		return answer{status: linkcheckpb.Result_STATUS_FAILED, message: reason(err)}
	}
	res.Body.Close()
	if res.StatusCode >= 200 && res.StatusCode < 400 {
		return answer{status: linkcheckpb.Result_STATUS_OK, code: res.StatusCode}
	}
	return answer{status: linkcheckpb.Result_STATUS_ERROR, code: res.StatusCode, message: http.StatusText(res.StatusCode)}
}

// reason says why there was no answer. It leaves out the method and the
// address, which the caller knows.
func reason(err error) string {
	if errors.Is(err, errTimedOut) {
		return errTimedOut.Error()
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return err.Error()
}
