package rpc

import (
	"math"
	"reflect"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// defaultMaxMessage is the limit where none is set.
const defaultMaxMessage = 256 << 20

// defaultReplyTime is generous: it passes only if others hold every slot that
// long, or the peer reads nothing. Without it a caller with no deadline of its
// own would wait for ever.
const defaultReplyTime = 30 * time.Second

// callOptions are the grpc.CallOptions of one call.
type callOptions struct {
	maxSend, maxRecv int
	special          *specialOptions // nil for most calls
}

// specialOptions are those that few calls have: the others do not pay for their
// size.
type specialOptions struct {
	header, trailer *metadata.MD
	peer            *peer.Peer
	onFinish        []func(error)
	credentials     credentials.PerRPCCredentials
	authority       string
	codec           codec  // nil is protobuf's own
	subtype         string // what the codec makes, as the server is told
	made            bool   // the call has been
}

// set is where an option goes that few calls have.
func (o *callOptions) set() *specialOptions {
	if o.special == nil {
		o.special = &specialOptions{}
	}
	return o.special
}

// madeCall notes that the call has been made, so that there is something to
// fill in.
func (o *callOptions) madeCall() {
	if o.special != nil {
		o.special.made = true
	}
}

// codec is that of the call's messages; nil is protobuf's own.
func (o *callOptions) codec() codec {
	if o.special == nil {
		return nil
	}
	return o.special.codec
}

// read refuses options that this wire cannot honour, rather than ignore them.
// Options read before a refused one still count, OnFinish among them.
func (o *callOptions) read(options []grpc.CallOption, limit int) (err error) {
	o.maxSend, o.maxRecv = limit, math.MaxInt
	for _, option := range options {
		if wrong := o.add(option); wrong != nil && err == nil {
			err = wrong
		}
	}
	if s := o.special; err == nil && s != nil && s.codec == nil && s.subtype != "" {
		err = s.findCodec()
	}
	return err
}

func (o *callOptions) add(option grpc.CallOption) error {
	switch option := option.(type) {
	case grpc.HeaderCallOption:
		o.set().header = option.HeaderAddr
	case grpc.TrailerCallOption:
		o.set().trailer = option.TrailerAddr
	case grpc.PeerCallOption:
		o.set().peer = option.PeerAddr
	case grpc.MaxSendMsgSizeCallOption:
		o.maxSend = option.MaxSendMsgSize
	case grpc.MaxRecvMsgSizeCallOption:
		o.maxRecv = option.MaxRecvMsgSize
	case grpc.OnFinishCallOption:
		o.set().onFinish = append(o.set().onFinish, option.OnFinish)
	case grpc.PerRPCCredsCallOption:
		o.set().credentials = option.Creds
	case grpc.AuthorityOverrideCallOption:
		o.set().authority = option.Authority
	case grpc.ContentSubtypeCallOption:
		o.set().subtype = option.ContentSubtype
	case grpc.ForceCodecV2CallOption:
		o.set().setCodec(codecV2{option.CodecV2}, option.CodecV2.Name())
	case grpc.ForceCodecCallOption:
		o.set().setCodec(option.Codec, option.Codec.Name())
	case grpc.CustomCodecCallOption:
		o.set().setCodec(option.Codec, option.Codec.String())
	case grpc.CompressorCallOption:
		// A compressor that there is would change nothing but the wire. There
		// is none to compress for, between processes of one machine.
		if c := option.CompressorType; c != encoding.Identity && c != "" && encoding.GetCompressor(c) == nil {
			return status.Errorf(codes.Internal, "compressor %q is not registered", c)
		}
	case nil, grpc.StaticMethodCallOption, grpc.FailFastCallOption, grpc.MaxRetryRPCBufferSizeCallOption, grpc.EmptyCallOption:
		// Nothing to do: there is no name resolution, no reconnecting and no
		// retry.
	default:
		return o.addForeign(option)
	}
	return nil
}

// grpcPath is where the options of grpc itself are declared.
var grpcPath = reflect.TypeFor[grpc.EmptyCallOption]().PkgPath()

// addForeign adds an option that is not one of grpc's own. It embeds one of
// grpc's, as it must: no other package can declare the interface's methods.
func (o *callOptions) addForeign(option grpc.CallOption) error {
	v := reflect.ValueOf(option)
	if v.Type().PkgPath() == grpcPath {
		return status.Errorf(codes.Internal, "call option %T is not supported", option)
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); !f.Anonymous || !f.IsExported() {
			continue
		}
		if embedded, ok := v.Field(i).Interface().(grpc.CallOption); ok {
			return o.add(embedded)
		}
	}
	return nil
}

func (o *specialOptions) setCodec(c codec, name string) {
	o.codec = c
	if o.subtype == "" {
		o.subtype = strings.ToLower(name)
	}
}

// findCodec finds the codec of the subtype that was asked for.
func (o *specialOptions) findCodec() error {
	if o.codec = codecOf(o.subtype); o.codec == nil && o.subtype != protobuf {
		return status.Errorf(codes.Internal, "no codec registered for content-subtype %s", o.subtype)
	}
	return nil
}

// observed says whether anybody wants to hear of the call's end.
func (o *specialOptions) observed() bool {
	return o != nil && (o.header != nil || o.trailer != nil || o.peer != nil || len(o.onFinish) > 0)
}

// fill sets what the caller gave to be set. header is nil if the server sent
// none.
func (o *specialOptions) fill(header, trailer metadata.MD, from *peer.Peer) {
	if o.header != nil {
		*o.header = header
	}
	if o.trailer != nil {
		if trailer == nil {
			trailer = metadata.MD{}
		}
		*o.trailer = trailer
	}
	if o.peer != nil {
		*o.peer = *from
	}
}

// finish hands the call's results to the options that asked for them.
func (o *specialOptions) finish(header, trailer metadata.MD, from *peer.Peer, err error) {
	if o == nil {
		return
	}
	if o.made {
		o.fill(header, trailer, from)
	}
	for _, f := range o.onFinish {
		f(err)
	}
}
