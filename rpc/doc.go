// Package rpc makes unary and streaming calls over a transport.Link.
package rpc
