package rpc

import (
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// defaultMaxMessage is the limit where none is set.
const defaultMaxMessage = 256 << 20

// defaultReplyTime is generous: somebody holds every slot for as long, or reads
// nothing. A caller without a limit of its own would wait for ever.
const defaultReplyTime = 30 * time.Second

// callOptions are the grpc.CallOptions of one call.
type callOptions struct {
	header, trailer  *metadata.MD
	maxSend, maxRecv int
	onFinish         []func(error)
}

// readOptions refuses what this wire cannot do, rather than do without it.
func readOptions(options []grpc.CallOption, limit int) (o callOptions, err error) {
	o.maxSend, o.maxRecv = limit, math.MaxInt
	for _, option := range options {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			o.header = option.HeaderAddr
		case grpc.TrailerCallOption:
			o.trailer = option.TrailerAddr
		case grpc.MaxSendMsgSizeCallOption:
			o.maxSend = option.MaxSendMsgSize
		case grpc.MaxRecvMsgSizeCallOption:
			o.maxRecv = option.MaxRecvMsgSize
		case grpc.OnFinishCallOption:
			o.onFinish = append(o.onFinish, option.OnFinish)
		case grpc.StaticMethodCallOption, grpc.FailFastCallOption, grpc.EmptyCallOption:
			// Nothing to do: there is no name resolution and no reconnecting.
		default:
			return o, status.Errorf(codes.Internal, "call option %T is not supported", option)
		}
	}
	return o, nil
}

// finish hands over what the call was asked for.
func (o *callOptions) finish(header, trailer metadata.MD, err error) {
	if o.header != nil {
		*o.header = header
	}
	if o.trailer != nil {
		*o.trailer = trailer
	}
	for _, f := range o.onFinish {
		f(err)
	}
}
