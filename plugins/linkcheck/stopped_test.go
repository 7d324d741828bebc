package linkcheck

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/plugins/linkcheck/linkcheckpb"
)

// playChecker, if set, makes the test binary a process that checks the URL in
// it.
const playChecker = "PLAY_LINKCHECK_OF"

const stoppedLimit = 3 * time.Second

func playCheck(url string) {
	res, err := New().Check(context.Background(), &linkcheckpb.CheckRequest{Urls: []string{url}, TimeoutMs: int32(stoppedLimit.Milliseconds())})
	if err != nil {
		panic(err)
	}
	fmt.Print(said(res.GetResults()[0]))
}

func TestTimeInWhichTheCheckerWasStoppedDoesNotCount(t *testing.T) {
	for name, meanwhile := range map[string]func(w http.ResponseWriter){
		"the answer comes late": func(http.ResponseWriter) {},
		"the server gave up": func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			assert.NoError(t, err)
			assert.NoError(t, conn.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked, stopped, goOn := make(chan struct{}, 9), make(chan struct{}), make(chan struct{})
			first := make(chan struct{}, 1)
			first <- struct{}{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked <- struct{}{}
				select {
				case <-first:
					<-stopped
					meanwhile(w)
					<-goOn
				default:
				}
			}))
			defer server.Close()
			checker := exec.CommandContext(t.Context(), os.Args[0])
			checker.Env = append(os.Environ(), playChecker+"="+server.URL)
			checker.Stderr = os.Stderr
			answered := make(chan string, 1)
			out, err := checker.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, checker.Start())
			go func() {
				var line string
				_, _ = fmt.Fscanf(out, "%s 200", &line)
				answered <- line
			}()
			await.Value(t, "the checker to ask", asked)
			await.Freeze(t, checker.Process.Pid)
			close(stopped)
			since := time.Now()
			await.Until(t, "the stop to outlast the request's time", func() bool { return time.Since(since) > stoppedLimit+stoppedLimit/4 })
			require.NoError(t, checker.Process.Signal(syscall.SIGCONT))
			close(goOn)
			assert.Equal(t, "OK", await.Value(t, "the checker's result", answered))
			assert.NoError(t, checker.Wait())
		})
	}
}
