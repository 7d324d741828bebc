package remote

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
)

func TestTargetsAreCheckedBeforeAnythingIsAsked(t *testing.T) {
	for _, target := range []string{
		"dns:///localhost:1", "dns:///127.3.2.1:1", "dns:///[::1]:1", "localhost:7443", "unix:/run/x", "unix:///run/x", "unix:x",
	} {
		assert.NoError(t, CheckTarget(target, false), target)
	}
	for _, target := range []string{"dns:///workers:7443", "dns://127.0.0.1:53/workers:7443", "10.0.0.1:1", "dns:///0.0.0.0:1", "[fe80::1]:1", "localhost.example.org:1"} {
		assert.ErrorIs(t, CheckTarget(target, false), ErrPlain, target)
		assert.NoError(t, CheckTarget(target, true), target)
	}
	for _, target := range []string{"", "workers", "workers:", ":7443", "dns://workers:7443", "http://workers:80", "unix:", "unix:///", "xds:///x:1"} {
		err := CheckTarget(target, true)
		assert.ErrorContains(t, err, "write ", target)
		assert.NotErrorIs(t, err, ErrPlain, target)
	}
}

func TestPlainTextIsForThisMachineAlone(t *testing.T) {
	_, err := Listen("0.0.0.0:0", false)
	assert.ErrorIs(t, err, ErrPlain)
	_, err = Dial(t.Context(), "dns:///workers:7443", nil, Options{})
	assert.ErrorIs(t, err, ErrPlain)
	l, err := Listen("0.0.0.0:0", true)
	require.NoError(t, err)
	assert.NoError(t, l.Close())
}

// What may call, and whom a caller believes, is decided by certificates alone.
func TestBothEndsMustShowACertificateOfTheOthersAuthority(t *testing.T) {
	ours := fixture.Certificates(t, "127.0.0.1")
	w := start(t, "127.0.0.1:0", echo, func(o *ServerOptions) { o.TLS = filesIn(ours) })
	soon := Options{Wait: 500 * time.Millisecond}
	with := func(files *TLS) Options { return Options{Wait: soon.Wait, TLS: files} }

	_, err := dial(t, w.address, Options{TLS: filesIn(ours)})
	require.NoError(t, err)
	_, err = dial(t, w.address, soon)
	assert.ErrorContains(t, err, "no worker answers", "a caller without")

	theirs := fixture.Certificates(t, "127.0.0.1")
	stranger := filesIn(theirs)
	stranger.Authority = filepath.Join(ours, "ca.crt") // it believes ours
	_, err = dial(t, w.address, with(stranger))
	assert.ErrorContains(t, err, "no worker answers", "a caller whom another authority has signed")
	gullible := filesIn(ours)
	gullible.Authority = filepath.Join(theirs, "ca.crt")
	_, err = dial(t, w.address, with(gullible))
	assert.ErrorContains(t, err, "certificate signed by unknown authority", "a worker whom another authority has signed")

	plain := start(t, "127.0.0.1:0", echo, nil)
	_, err = dial(t, plain.address, with(filesIn(ours)))
	assert.ErrorContains(t, err, "no worker answers", "a worker without")

	elsewhere := filesIn(fixture.Certificates(t, "other.test"))
	named := start(t, "127.0.0.1:0", echo, func(o *ServerOptions) { o.TLS = elsewhere })
	_, err = dial(t, named.address, with(elsewhere))
	assert.ErrorContains(t, err, "127.0.0.1", "a worker of another name")
}

func TestCertificatesThatCannotBeReadAreNamed(t *testing.T) {
	folder := fixture.Certificates(t, "127.0.0.1")
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for what, files := range map[string]*TLS{
		"read certificate /none":             {"/none", filepath.Join(folder, "tls.key"), filepath.Join(folder, "ca.crt")},
		"/none: no such file":                {filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"), "/none"},
		empty + " has no certificate in PEM": {filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"), empty},
	} {
		_, err := Dial(t.Context(), "127.0.0.1:1", nil, Options{TLS: files})
		assert.ErrorContains(t, err, what)
		_, err = NewServer(ServerOptions{TLS: files})
		assert.ErrorContains(t, err, what)
	}
}

// A certificate that is renewed holds for the next connection.
func TestAWorkerReadsItsCertificatesAnew(t *testing.T) {
	old, renewed := fixture.Certificates(t, "127.0.0.1"), fixture.Certificates(t, "127.0.0.1")
	w := start(t, "127.0.0.1:0", echo, func(o *ServerOptions) { o.TLS = filesIn(old) })
	_, err := dial(t, w.address, Options{TLS: filesIn(old)})
	require.NoError(t, err)
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		content, err := os.ReadFile(filepath.Join(renewed, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(old, name), content, 0o600))
	}
	_, err = dial(t, w.address, Options{TLS: filesIn(renewed)})
	assert.NoError(t, err)
}

func TestAUnixSocketIsForThisUserAndHasOneListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	w := start(t, "unix:"+path, echo, nil)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	client(t, "unix:"+path, Options{})
	_, err = Listen("unix:"+path, false)
	assert.ErrorContains(t, err, "another process listens there")
	w.stop()
	<-w.served
	assert.NoFileExists(t, path)

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	l, err := Listen("unix:"+path, false)
	require.NoError(t, err, "nobody listens there any more")
	require.NoError(t, l.Close())

	require.NoError(t, os.WriteFile(path, []byte("kept"), 0o600))
	_, err = Listen("unix:"+path, false)
	assert.Error(t, err)
	content, _ := os.ReadFile(path)
	assert.Equal(t, "kept", string(content))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing else is left")
}
