package trial

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/await"
	"ddc/proto/sitepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// answers is a client whose calls are answered by their methods' names.
type answers map[string]func(n int64) (proto.Message, error)

func (a answers) Invoke(_ context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	answer := a[method]
	if answer == nil {
		return status.Error(codes.Unimplemented, "no "+method)
	}
	message, err := answer(calls.Add(1))
	if err == nil {
		proto.Merge(reply.(proto.Message), message)
	}
	return err
}

var calls atomic.Int64

func (answers) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no method has a stream")
}

func always(m proto.Message) func(int64) (proto.Message, error) {
	return func(int64) (proto.Message, error) { return m, nil }
}

func faultsOf(t *testing.T, a answers, stages ...string) (faults []string) {
	t.Helper()
	verdicts := Run(t.Context(), sitepb.NewSitePluginClient(a), stages)
	require.NotEmpty(t, verdicts)
	for _, v := range verdicts {
		if v.Fault != "" {
			faults = append(faults, v.Method+": "+v.Fault)
		}
	}
	return faults
}

func TestEachWrongAnswerIsFound(t *testing.T) {
	describe := always(&sitepb.DescribeResponse{Stages: []sitepb.Stage{sitepb.Stage_STAGE_HTML}})
	for says, a := range map[string]answers{
		"Describe: it does not say what it does: write Describe, or name its stages (--stage)": {},
		"Describe: it says that it does nothing":                                               {sitepb.SitePlugin_Describe_FullMethodName: always(&sitepb.DescribeResponse{})},
		"Html: Describe lists it, and it is not implemented":                                   {sitepb.SitePlugin_Describe_FullMethodName: describe},
		"Html: the same request has another answer the second time": {sitepb.SitePlugin_Describe_FullMethodName: describe, sitepb.SitePlugin_Html_FullMethodName: func(n int64) (proto.Message, error) {
			text := fmt.Sprint(n)
			return &sitepb.HtmlResponse{Html: &text}, nil
		}},
		"Html: rpc error: code = Internal": {sitepb.SitePlugin_Describe_FullMethodName: describe, sitepb.SitePlugin_Html_FullMethodName: func(int64) (proto.Message, error) {
			return nil, status.Error(codes.Internal, "broken")
		}},
	} {
		faults := faultsOf(t, a)
		require.NotEmpty(t, faults, says)
		assert.Contains(t, faults[0], says)
	}
}

func TestSoundPluginHasNoFaultAndMayRefuse(t *testing.T) {
	text := "changed"
	a := answers{
		sitepb.SitePlugin_Markdown_FullMethodName: always(&sitepb.MarkdownResponse{Text: &text}),
		sitepb.SitePlugin_Html_FullMethodName: func(int64) (proto.Message, error) {
			return nil, status.Error(codes.InvalidArgument, "not this page")
		},
	}
	assert.Empty(t, faultsOf(t, a, "markdown", "html"))
	verdicts := Run(t.Context(), sitepb.NewSitePluginClient(a), []string{"html"})
	assert.Equal(t, "refused: not this page", verdicts[1].Said)
}
