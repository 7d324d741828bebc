package rpc

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// validateMetadata refuses what gRPC refuses to send. Pseudo-headers pass: they
// are reserved, and dropped later.
func validateMetadata(md metadata.MD) error {
	for key, values := range md {
		if err := validatePair(key, values); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	return nil
}

func validatePair(key string, values []string) error {
	if key == "" {
		return fmt.Errorf("there is an empty key in the metadata")
	}
	if key[0] == ':' {
		return nil
	}
	if strings.ContainsFunc(key, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) {
		return fmt.Errorf("metadata key %q has other characters than 0-9, a-z, dot, dash and underscore", key)
	}
	if strings.HasSuffix(key, "-bin") {
		return nil
	}
	for _, value := range values {
		for i := range len(value) {
			if value[i] < 0x20 || value[i] > 0x7e {
				return fmt.Errorf("metadata key %q has a value that is not printable ASCII: end the key in -bin", key)
			}
		}
	}
	return nil
}

// reserved says whether gRPC keeps a name for itself, and drops what users send
// under it.
func reserved(key string) bool {
	switch key {
	case contentType, "user-agent", "grpc-message-type", "grpc-encoding", "grpc-message", "grpc-status", "grpc-timeout", "te":
		return true
	}
	return strings.HasPrefix(key, ":")
}

// sendable is md without the reserved keys, and md itself if it has none.
func sendable(md metadata.MD) metadata.MD {
	for key := range md {
		if !reserved(key) {
			continue
		}
		rest := metadata.MD{}
		for key, values := range md {
			if !reserved(key) {
				rest[key] = values
			}
		}
		return rest
	}
	return md
}

// outgoing is the metadata that a call sends: the context's, and what the
// call's options add.
func (c *Conn) outgoing(ctx context.Context, method string, o *callOptions) (metadata.MD, error) {
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if ok && len(md) > 0 {
		if err := validateMetadata(md); err != nil {
			return nil, err
		}
		md = sendable(md)
	}
	special := o.special
	if special == nil {
		return md, nil
	}
	if md == nil {
		md = metadata.MD{}
	}
	if special.authority != "" {
		md[":authority"] = []string{special.authority}
	}
	if special.subtype != "" && special.subtype != protobuf {
		md[contentType] = []string{contentTypeGRPC + special.subtype}
	}
	if special.credentials == nil {
		return md, nil
	}
	return md, c.addCredentials(ctx, method, special, md)
}

// addCredentials adds the metadata of the call's credentials.
func (c *Conn) addCredentials(ctx context.Context, method string, o *specialOptions, md metadata.MD) error {
	if err := contextError(ctx); err != nil {
		return err
	}
	if o.credentials.RequireTransportSecurity() && !secure(c.peer) {
		return status.Errorf(codes.Unauthenticated, "credentials that ask for a secure transport: others share the memory of the link to %s", c.name)
	}
	host := c.name
	if o.authority != "" {
		host = o.authority
	}
	service := method[:max(strings.LastIndexByte(method, '/'), 0)]
	data, err := o.credentials.GetRequestMetadata(ctx, "https://"+host+service)
	if err != nil {
		return credentialsError(err)
	}
	for key, value := range data {
		key = strings.ToLower(key)
		if err := validatePair(key, []string{value}); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		md[key] = append([]string{value}, md[key]...) // as gRPC has them: before the context's
	}
	return nil
}

// credentialsError is the error of a call whose credentials cannot be fetched.
// A code that only an application may give becomes Internal.
func credentialsError(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return status.Errorf(codes.Internal, "credentials of the call: %v", err)
	}
	switch s.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.DataLoss:
		return status.Errorf(codes.Internal, "credentials of the call, with a status that is not theirs to give: %v", err)
	}
	return err
}
