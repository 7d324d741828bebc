// Package rpc makes unary and streaming calls over a [transport.Link], so that
// the stubs that protoc-gen-go-grpc generates run on it unchanged.
//
//	conn := rpc.NewConn(link, rpc.ConnOptions{Name: "plugin fonts"}) // one end
//	reply, err := fontspb.NewFontsClient(conn).Subset(ctx, request)
//
//	server := rpc.NewServer(rpc.ServerOptions{}) // the other
//	fontspb.RegisterFontsServer(server, fonts.New())
//	err := server.Serve(ctx, link)
//
// Status codes and details, metadata, deadlines, cancellation, call options,
// interceptors, stats handlers and the four kinds of calls do what they do in
// gRPC: conformance/grpc runs the same code over both, and docs/RELIABILITY.md
// says what differs, and why. One end of a link makes
// calls, the other answers them. A call fails with Unavailable, naming the
// peer, as soon as the link ends. Whether it was handled is then unknown,
// unless the error is [ErrShuttingDown]: then it was not begun.
//
// A small unary call costs two frames and some ten allocations, and takes 3 to
// 4 us over the in-process link (BenchmarkUnary64/inproc). A message is
// marshalled into the slot it travels in, and unmarshalled from there.
//
// # Who runs what
//
// The link's pump only looks a call up and hands the frame over. It never
// waits, sends, unmarshals or runs a handler, so that neither a slow reader nor
// a full ring can stop it, and two full rings are no deadlock. Handlers have a
// goroutine each; what must be sent without waiting (credit, cancellations)
// goes through the outbox, a goroutine of each end. A message is sent on the
// goroutine that has it, which also does the waiting.
//
// # Who holds a slot
//
// A received payload may stay in its slot only for a reader that is about to
// read it, since others wait for the slot. The caller of a unary call waits for
// nothing but its reply, and a handler begins with its request: both leave the
// payload in its slot, and unmarshal on their own goroutine. A stream's message
// stays if its reader is parked; otherwise it is copied. Payloads up to 128
// bytes are always copied. Nobody holds one slot while waiting for another,
// with the exception that [RawHandler] describes.
//
// # What is bounded
//
// A received message has bounds on its bytes, fields, depth and decoded size
// ([Bounds]). They are checked before any of it is decoded. A peer that sends
// more is at fault: the call fails with [ErrExcess], and the link goes on. The
// context is looked at before and after decoding, as it belongs to the call.
//
// # The wire
//
// A frame is a [transport.Header] and a payload. Stream is the call's number,
// chosen by the client: 1 to 2^32-1, ascending, wrapping, never one in use.
//
//	Op  name     from    Arg                          payload
//	1   call     client  method<<48 | timeout in us   [method] [metadata] [message]
//	2   message  both    0                            message
//	3   end      client  0                            none: no more messages follow
//	4   cancel   client  0                            none: forget the call
//	5   credit   both    bytes                        none: so much more may be sent
//	6   header   server  0                            [metadata]
//	7   reply    server  status code                  [metadata] [trailer] [status] [message]
//	8   go away  server  0                            none: no new calls, please; Stream is 0
//
// Flags say which of the bracketed parts are there, in the order given: 1
// method, 2 metadata, 4 trailer, 8 status, 16 message. All but the message,
// which is the rest of the payload, are sections: a varint length, then so many
// bytes, at most 1 MiB.
//
//   - method: the name, "/package.Service/Method", which from then on the id in
//     Arg stands for, too. Ids are 1 to 1024. A client tells the name with
//     every call until a send that told it has returned: any later frame comes
//     behind that one. Id 0 stands for nothing; the name comes along always.
//   - metadata, trailer: keys and values in turn, each a varint length and
//     bytes. A key of many values comes many times.
//   - status: a google.rpc.Status, if there is more to say than the code in
//     Arg.
//
// A timeout is what remains of the client's deadline when it sends, rounded up;
// 0 is none. Each side keeps the time itself.
//
// Flag 32 in a call makes it unary: the message is the whole request, and the
// reply comes in one frame too. Without it a call is a stream: no message in
// the call, any number after it, end when there are no more. Flag 64 in a
// reply, of code Unavailable, says that the call was not begun.
//
// reply is the last frame of a call; a stream's may carry a last message. A
// stream that was called as unary may answer and then fail: its reply has a
// message beside the status. After a reply or a cancel, either side ignores
// what still arrives for the stream: it was under way already. Any other frame
// out of place ends the link.
//
// # Flow control
//
// Each direction of a stream starts with a credit of 1 MiB. A message costs its
// length and 64 bytes. It may be sent while any credit is left, and may then
// leave a debt, so that one larger than the window passes. The receiver grants
// what its reader has read, half a window at a time. Unary calls need none:
// each has one message. The stream of a sender that overruns its credit is
// ended.
package rpc
