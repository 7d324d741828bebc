package code_execution

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	pb "ddc/plugins/code_execution/code_executionpb"
)

var (
	// rustError matches the compiler's first error and its place.
	rustError = regexp.MustCompile(`(?m)^error(?:\[E\d+\])?: (.+)\n(?:\s*--> .+?:(\d+):(\d+))?`)
	// rustPanic matches a panic's place and message.
	rustPanic = regexp.MustCompile(`(?m)^thread '[^']*'[^\n]* panicked at [^\n]*?:(\d+):\d+:\n([^\n]*)`)
	// threadNumber matches a thread's number in a panic's message: it differs
	// each time.
	threadNumber = regexp.MustCompile(`(?m)^(thread '[^']*') \(\d+\) panicked`)
	// noLinker matches what rustc says on a machine without a C compiler.
	noLinker = regexp.MustCompile("linker `([^`]+)` not found")
)

// judge says what a program's end means for the sample.
func (p *program) judge(e *outcome, limit time.Duration) *pb.ExecuteResponse {
	r := &pb.ExecuteResponse{ExitCode: int32(e.code), Stdout: e.stdout, DurationMs: e.took.Milliseconds(), ToolVersion: p.tool.version, Warden: string(e.warden)}
	r.Stderr = threadNumber.ReplaceAllString(e.stderr, "$1 panicked")
	linker := noLinker.FindStringSubmatch(e.stderr)
	switch {
	case e.well():
		r.Outcome = pb.ExecuteResponse_OUTCOME_SUCCESS
	case e.nested:
		r.Outcome, r.Error = pb.ExecuteResponse_OUTCOME_NESTED, "it starts a build inside the build"
	case e.timedOut:
		r.Outcome = pb.ExecuteResponse_OUTCOME_TIMED_OUT
		r.Error = fmt.Sprintf("did not end within %v and was killed", limit)
		if len(e.running) > 0 {
			r.Error += "; it ran: " + strings.Join(e.running, ", ")
		}
	case linker != nil:
		r.Outcome, r.MissingTool = pb.ExecuteResponse_OUTCOME_TOOL_MISSING, linker[1]
		r.Error = fmt.Sprintf("%s, which rustc links programs with, is not installed: get a C compiler (apt-get install gcc), or build with --no-code-exec", linker[1])
	default:
		r.Outcome = pb.ExecuteResponse_OUTCOME_FAILED
		r.Error = whatWentWrong(e)
	}
	return r
}

// whatWentWrong is one sentence for a reader who may not look at the whole of
// stderr.
func whatWentWrong(e *outcome) string {
	if e.tooMuch {
		return fmt.Sprintf("wrote more than %d MiB and was killed", outputLimit>>20)
	}
	if found := rustPanic.FindStringSubmatch(e.stderr); found != nil {
		return fmt.Sprintf("panicked at line %s: %s", found[1], found[2])
	}
	if found := rustError.FindStringSubmatch(e.stderr); found != nil {
		if found[2] == "" {
			return found[1]
		}
		return fmt.Sprintf("%s (line %s, column %s)", found[1], found[2], found[3])
	}
	how := fmt.Sprintf("ended with status %d", e.code)
	if e.signal != "" {
		how = "was ended by a signal: " + e.signal
	}
	lines := strings.Split(strings.TrimSpace(e.stderr), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return how + ": " + last
	}
	return how
}
