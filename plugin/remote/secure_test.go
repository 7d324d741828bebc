package remote

import (
	"net"
	"os"
	"path/filepath"
	"testing"

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
	with := func(files *TLS) Options { return Options{TLS: files} }

	_, err := dial(t, w.address, with(filesIn(ours)))
	require.NoError(t, err)
	refused(t, w.address, with(nil), "give both ends one, or neither")

	theirs := fixture.Certificates(t, "127.0.0.1")
	stranger := filesIn(theirs)
	stranger.Authority = filepath.Join(ours, "ca.crt") // it believes ours
	refused(t, w.address, with(stranger), "the authority of the worker's ca.crt must have signed it")
	gullible := filesIn(ours)
	gullible.Authority = filepath.Join(theirs, "ca.crt")
	err = refused(t, w.address, with(gullible), "certificate signed by unknown authority")
	assert.ErrorContains(t, err, "this end's ca.crt must be of the authority")

	plain := start(t, "127.0.0.1:0", echo, nil)
	refused(t, plain.address, with(filesIn(ours)), "shows no") // certificate, or "none" where it hung up first

	elsewhere := filesIn(fixture.Certificates(t, "other.test"))
	named := start(t, "127.0.0.1:0", echo, func(o *ServerOptions) { o.TLS = elsewhere })
	refused(t, named.address, with(elsewhere), "certificate for the host in the target")
}

// How far a handshake is when the other end hangs up is chance, and so is the
// error. What to do does not depend on it.
func TestAdviceOnAConnectionThatWasHungUp(t *testing.T) {
	for _, met := range []string{"error reading server preface: EOF", "read: connection reset by peer", "write: broken pipe"} {
		assert.Contains(t, adviceOn(met, false), "give both ends one, or neither", met)
		assert.Contains(t, adviceOn(met, true), "does not accept this end's certificate, or shows none", met)
	}
}

func TestACertificateOfNoUseIsSaidBeforeAnythingIsAsked(t *testing.T) {
	expired := filesIn(fixture.ExpiredCertificates(t, "127.0.0.1"))
	_, err := Dial(t.Context(), "127.0.0.1:1", nil, Options{TLS: expired})
	assert.ErrorContains(t, err, expired.Certificate+" has expired at ")
	_, err = NewServer(ServerOptions{TLS: expired})
	assert.ErrorContains(t, err, ": renew it")
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
