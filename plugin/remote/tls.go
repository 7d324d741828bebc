package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/local"
)

// TLS are the files by which an end shows who it is, and knows the other: its
// own certificate and key, and the certificates of those who may sign the
// other's. All are PEM. Whoever the authority has signed may call, so let it
// sign for this alone.
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

// dialling are the credentials of an end that calls. The worker's certificate
// must be for the target's host.
func (t *TLS) dialling() (credentials.TransportCredentials, error) {
	if t == nil {
		return local.NewCredentials(), nil
	}
	own, pool, err := t.load()
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
