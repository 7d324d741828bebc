package linkcheck

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugins/linkcheck/linkcheckpb"
)

// patient is a time-out that no answer from this machine needs.
const patient = 60_000

// serve starts a site on loopback and returns its address under two names,
// which are two domains.
func serve(t *testing.T, handler http.HandlerFunc) (byNumber, byName string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

func check(t *testing.T, req *linkcheckpb.CheckRequest) []*linkcheckpb.Result {
	t.Helper()
	service := New()
	defer service.Close()
	res, err := service.Check(context.Background(), req)
	require.NoError(t, err)
	return res.GetResults()
}

// said is a result in one line.
func said(r *linkcheckpb.Result) string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", strings.TrimPrefix(r.GetStatus().String(), "STATUS_"), r.GetCode(), r.GetMessage()))
}

func TestEachURLGetsItsResultInOrder(t *testing.T) {
	site, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			assert.Equal(t, "HEAD", r.Method)
			assert.Equal(t, userAgent, r.UserAgent())
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/busy":
			assert.Equal(t, "HEAD", r.Method)
			w.WriteHeader(http.StatusTooManyRequests)
		case "/get", "/get501", "/get404":
			if r.Method == http.MethodHead {
				w.WriteHeader(map[string]int{"/get": 405, "/get501": 501, "/get404": 404}[r.URL.Path])
			} else {
				fmt.Fprint(w, strings.Repeat("long ", 1<<20))
			}
		case "/away":
			http.Redirect(w, r, "/ok", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/to-skipped":
			http.Redirect(w, r, "https://www.skipped.example/", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	})
	const closed = "http://127.0.0.1:1" // a port that nobody is given by chance
	want := [][2]string{
		{site + "/ok", "OK 200"},
		{site + "/ok#part", "OK 200"},
		{site + "/gone", "ERROR 410 Gone"},
		{site + "/get", "OK 200"},
		{site + "/get501", "OK 200"},
		{site + "/get404", "OK 200"},
		{site + "/busy", "ERROR 429 Too Many Requests"},
		{site + "/away", "OK 200"},
		{site + "/loop", "FAILED 0 more than 10 redirects"},
		{site + "/nothing", "ERROR 404 Not Found"},
		{site + "/to-skipped", "OK 302"},
		{"https://skipped.example/x", "SKIPPED 0"},
		{"https://deep.WWW.skipped.example:8080/x", "SKIPPED 0"},
		{"ftp://x.org/", `FAILED 0 not a URL of http or https: scheme is "ftp"`},
		{"http:///x", "FAILED 0 not a URL: it names no host"},
		{"http://a b/", "FAILED 0 not a URL: invalid character \" \" in host name"},
		{site + "/ok", "OK 200"},
	}
	req := &linkcheckpb.CheckRequest{TimeoutMs: patient, SkipDomains: []string{"Skipped.example", "."}}
	for _, w := range want {
		req.Urls = append(req.Urls, w[0])
	}
	req.Urls = append(req.Urls, closed)
	results := check(t, req)
	require.Len(t, results, len(want)+1)
	for i, w := range want {
		assert.Equal(t, w[0], results[i].GetUrl())
		assert.Equal(t, w[1], said(results[i]), w[0])
	}
	assert.Contains(t, said(results[len(want)]), "connection refused")
}

func TestOneAddressIsAskedOnce(t *testing.T) {
	var mu sync.Mutex
	asked := 0
	site, _ := serve(t, func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
	})
	check(t, &linkcheckpb.CheckRequest{Urls: []string{site + "/a", site + "/a#x", site + "/a", site + "/a#y"}, TimeoutMs: patient})
	assert.Equal(t, 1, asked)
}

func TestServerThatDoesNotAnswerFailsAfterTheTimeOut(t *testing.T) {
	release := make(chan struct{})
	site, _ := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	results := check(t, &linkcheckpb.CheckRequest{Urls: []string{site}, TimeoutMs: 50})
	assert.Equal(t, "FAILED 0 request timed out", said(results[0]))
}

func TestDomainsAreAskedAtTheSameTime(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	byNumber, byName := serve(t, func(http.ResponseWriter, *http.Request) {
		both.Done()
		both.Wait() // only ends if the other domain is asked meanwhile
	})
	results := check(t, &linkcheckpb.CheckRequest{Urls: []string{byNumber, byName}, TimeoutMs: patient, DelayMs: patient})
	assert.Equal(t, "OK 200", said(results[0]))
	assert.Equal(t, "OK 200", said(results[1]))
}

func TestCancellingEndsTheCallAtOnce(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	site, _ := serve(t, func(http.ResponseWriter, *http.Request) { close(asked); <-release })
	defer close(release)
	service := New()
	defer service.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	_, err := service.Check(ctx, &linkcheckpb.CheckRequest{Urls: []string{site + "/1", site + "/2"}, TimeoutMs: 3_600_000, DelayMs: 3_600_000})
	assert.Equal(t, codes.Canceled, status.Code(err))
}

// recorder is a network that answers every request after a while and notes when
// it came. In a synctest bubble its times are exact.
type recorder struct {
	mu     sync.Mutex
	start  time.Time
	takes  time.Duration
	came   map[string][]time.Duration // by domain
	answer func(*http.Request) (code int, location string)
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.came[req.URL.Hostname()] = append(r.came[req.URL.Hostname()], time.Since(r.start))
	r.mu.Unlock()
	select {
	case <-time.After(r.takes):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	code, location := 200, ""
	if r.answer != nil {
		code, location = r.answer(req)
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Location": {location}}, Body: http.NoBody, Request: req}, nil
}

func seconds(times ...int) []time.Duration {
	var list []time.Duration
	for _, s := range times {
		list = append(list, time.Duration(s)*time.Second)
	}
	return list
}

func TestNoDomainIsAskedMoreOftenThanOnceInTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &recorder{start: time.Now(), takes: 10 * time.Millisecond, came: map[string][]time.Duration{}}
		service := &Service{network: network, pace: newPace()}
		req := &linkcheckpb.CheckRequest{DelayMs: 1000, TimeoutMs: 100,
			Urls: []string{"http://a.org/1", "http://a.org/2", "https://A.org:8443/3", "http://b.org/1", "http://b.org/2", "http://c.a.org/"}}
		res, err := service.Check(context.Background(), req)
		require.NoError(t, err)
		for _, r := range res.GetResults() {
			assert.Equal(t, "OK 200", said(r), "waiting for a turn is no time-out")
		}
		assert.Equal(t, map[string][]time.Duration{"a.org": seconds(0, 1), "A.org": seconds(2), "b.org": seconds(0, 1), "c.a.org": seconds(0)}, network.came)
	})
}

func TestRedirectsSecondAttemptsAndOtherCallsKeepThePaceToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &recorder{start: time.Now(), came: map[string][]time.Duration{}, answer: func(req *http.Request) (int, string) {
			switch {
			case req.URL.Path == "/moved":
				return 301, "/get"
			case req.URL.Path == "/get" && req.Method == http.MethodHead:
				return 405, ""
			}
			return 200, ""
		}}
		service := &Service{network: network, pace: newPace()}
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				res, err := service.Check(context.Background(), &linkcheckpb.CheckRequest{Urls: []string{"http://a.org/moved"}, DelayMs: 1000})
				assert.NoError(t, err)
				assert.Equal(t, "OK 200", said(res.GetResults()[0]))
			})
		}
		calls.Wait()
		assert.Equal(t, seconds(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), network.came["a.org"])
	})
}

func TestCallThatIsCancelledUsesUpNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &recorder{start: time.Now(), came: map[string][]time.Duration{}}
		service := &Service{network: network, pace: newPace()}
		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		many := &linkcheckpb.CheckRequest{DelayMs: 1000}
		for i := range 100 {
			many.Urls = append(many.Urls, fmt.Sprint("http://a.org/", i))
		}
		_, err := service.Check(ctx, many)
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
		assert.Equal(t, 1500*time.Millisecond, time.Since(network.start))
		_, err = service.Check(context.Background(), &linkcheckpb.CheckRequest{Urls: many.Urls[:1], DelayMs: 1000})
		require.NoError(t, err)
		assert.Equal(t, seconds(0, 1, 2), network.came["a.org"])
	})
}

func TestManyDomainsAreAllAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &recorder{start: time.Now(), takes: time.Second, came: map[string][]time.Duration{}}
		service := &Service{network: network, pace: newPace()}
		req := &linkcheckpb.CheckRequest{}
		for i := range 100 {
			req.Urls = append(req.Urls, fmt.Sprintf("http://site%d.org/", i))
		}
		res, err := service.Check(context.Background(), req)
		require.NoError(t, err)
		assert.Len(t, network.came, 100)
		assert.False(t, slices.ContainsFunc(res.GetResults(), func(r *linkcheckpb.Result) bool { return said(r) != "OK 200" }))
		assert.Equal(t, 4*time.Second, time.Since(network.start), "32 at once")
	})
}

func TestDomainIsTheHostWhateverItsCasePortOrFinalDot(t *testing.T) {
	for _, address := range []string{"http://x.org", "http://X.ORG:80/", "https://x.org./y"} {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, "x.org", domainOf(parsed))
	}
}
