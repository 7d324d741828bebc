package diagnostic

import (
	"math"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"ddc/internal/diagnostic/diagnosticpb"
	"ddc/internal/printable"
)

// maxDetails bounds what the details of one status may have, in bytes: a reader
// takes no more into its memory, and a plugin sends no more.
const maxDetails = 256 << 10

// maxRelated is how many related places are told of a problem that came in a
// status.
const maxRelated = 20

// Refuse is the error of a plugin that finds a source at fault: the status
// INVALID_ARGUMENT, with the problems as its details. file is the source that
// the call is about; a problem or a note without a file is one of it.
func Refuse(file string, problems ...Problem) error {
	told := make(Errors, len(problems))
	details := make([]protoadapt.MessageV1, 0, len(problems))
	room := maxDetails
	for i, p := range problems {
		told[i] = p.In(file)
		detail := encode(p)
		if room -= size(detail); room < 0 {
			break
		}
		details = append(details, protoadapt.MessageV1Of(detail))
	}
	plain := status.New(codes.InvalidArgument, printable.Cut(strings.ToValidUTF8(told.Error(), "\ufffd")))
	detailed, err := plain.WithDetails(details...)
	if err != nil {
		return plain.Err()
	}
	return detailed.Err()
}

// carried gives the problems of a status. One that has no details, or more than
// anyone sends, is one problem with its text.
func carried(err error) Errors {
	s, ok := status.FromError(err)
	if !ok || s.Code() != codes.InvalidArgument {
		return nil
	}
	plain := Errors{{Message: s.Message()}}
	room := maxDetails
	for _, detail := range s.Proto().GetDetails() {
		if room -= len(detail.GetValue()); room < 0 {
			return plain
		}
	}
	var problems Errors
	for _, detail := range s.Details() {
		if m, ours := detail.(*diagnosticpb.Problem); ours {
			problems = append(problems, decode(m))
		}
	}
	if len(problems) == 0 {
		return plain
	}
	return problems
}

// size is what an encoded problem takes at most.
func size(m *diagnosticpb.Problem) int {
	const overhead = 64 // numbers, and what says how long a text is
	n := overhead + len(m.GetFile()) + len(m.GetMessage()) + len(m.GetHint())
	for _, note := range m.GetRelated() {
		n += overhead + len(note.GetFile()) + len(note.GetMessage())
	}
	return n
}

func encode(p Problem) *diagnosticpb.Problem {
	m := &diagnosticpb.Problem{File: text(p.File), Line: number(p.Line), Column: number(p.Col), Length: number(p.Length),
		Message: text(p.Message), Hint: text(p.Hint)}
	for _, n := range p.Related {
		m.Related = append(m.Related, &diagnosticpb.Note{File: text(n.File), Line: number(n.Line), Column: number(n.Col),
			Length: number(n.Length), Message: text(n.Message)})
	}
	return m
}

func decode(m *diagnosticpb.Problem) Problem {
	p := Problem{File: m.GetFile(), Line: count(m.GetLine()), Col: count(m.GetColumn()), Length: count(m.GetLength()),
		Message: m.GetMessage(), Hint: m.GetHint()}
	for _, n := range m.GetRelated()[:min(len(m.GetRelated()), maxRelated)] {
		p.Related = append(p.Related, Note{File: n.GetFile(), Line: count(n.GetLine()), Col: count(n.GetColumn()),
			Length: count(n.GetLength()), Message: n.GetMessage()})
	}
	return p
}

// text is what a message may hold of a text.
func text(s string) string { return printable.Cut(strings.ToValidUTF8(s, "\ufffd")) }

func number(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

func count(n int32) int { return int(max(n, 0)) }
