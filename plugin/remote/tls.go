package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/local"
)

// TLS are the files by which an end shows who it is, and knows the other: its
// own certificate and key, and the certificates of those who may sign the
// other's. All are PEM. Any end that the authority has signed may call, so let
// it sign for this alone.
type TLS struct{ Certificate, Key, Authority string }

// load reads the files.
func (t *TLS) load() (tls.Certificate, *x509.CertPool, error) {
	own, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return own, nil, fmt.Errorf("read certificate %s and key %s: %w", t.Certificate, t.Key, err)
	}
	text, err := os.ReadFile(t.Authority)
	if err != nil {
		return own, nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return own, nil, fmt.Errorf("%s has no certificate in PEM", t.Authority)
	}
	return own, pool, nil
}

// current fails if an end's own certificate is of no use now: the other end
// would refuse it, and could not say why.
func (t *TLS) current(own tls.Certificate) error {
	switch now := time.Now(); {
	case now.After(own.Leaf.NotAfter):
		return fmt.Errorf("%s has expired at %s: renew it", t.Certificate, own.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(own.Leaf.NotBefore):
		return fmt.Errorf("%s is not valid before %s: wait, or set this machine's clock", t.Certificate, own.Leaf.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// advices are what to do about a handshake that has failed, by what its error
// says: no other error is left of it by then.
var advices = []struct{ says, advice string }{
	{"certificate is valid for", "make the worker's certificate for the host in the target (subjectAltName)"},
	{"doesn't contain any IP SANs", "make the worker's certificate for the host in the target (subjectAltName)"},
	{"certificate has expired or is not yet valid", "renew the worker's certificate"},
	{"signed by unknown authority", "this end's ca.crt must be of the authority that has signed the worker's certificate"},
	{"remote error: tls:", "the worker does not accept this end's certificate: the authority of the worker's ca.crt must have signed it"},
	{"first record does not look like a TLS handshake", "the worker shows no certificate: give it one, or neither end"},
}

// hungUp are errors of a connection that the worker has closed in the middle of
// the handshake. Which of them this end sees depends on how far it was by then.
var hungUp = []string{"EOF", "broken pipe", "connection reset"}

// adviceOn is what to do about the error of a connection of an end that shows a
// certificate, or does not.
func adviceOn(reason string, shows bool) string {
	for _, a := range advices {
		if strings.Contains(reason, a.says) {
			return a.advice
		}
	}
	for _, says := range hungUp {
		switch {
		case !strings.Contains(reason, says):
		case shows:
			return "the worker does not accept this end's certificate, or shows none: the authority of the worker's ca.crt must have signed it"
		default:
			return "the worker may expect a certificate: give both ends one, or neither"
		}
	}
	return "is one running, well, and reached by the same kind of connection?"
}

// dialling are the credentials of an end that calls. The worker's certificate
// must be for the target's host.
func (t *TLS) dialling() (credentials.TransportCredentials, error) {
	if t == nil {
		return local.NewCredentials(), nil
	}
	own, pool, err := t.load()
	if err == nil {
		err = t.current(own)
	}
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, RootCAs: pool}), nil
}

// serving are the credentials of a worker. It reads the files anew for each
// connection, since a worker may outlive its certificate.
func (t *TLS) serving() (credentials.TransportCredentials, error) {
	if t == nil {
		return local.NewCredentials(), nil
	}
	config := func() (*tls.Config, error) {
		own, pool, err := t.load()
		if err != nil {
			return nil, err
		}
		return &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		}, nil
	}
	first, err := config()
	if err == nil {
		err = t.current(first.Certificates[0])
	}
	if err != nil {
		return nil, err
	}
	first.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now, err := config()
		if err != nil {
			return nil, errors.Join(errors.New("a worker's certificates cannot be read any more"), err)
		}
		return now, nil
	}
	return credentials.NewTLS(first), nil
}
