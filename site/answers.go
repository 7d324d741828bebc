package site

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"ddc/internal/query"
	"ddc/plugins/fonts/fontspb"
	"ddc/plugins/pagefind/pagefindpb"
	"ddc/plugins/sass/sasspb"
	"ddc/plugins/svgo/svgopb"
	"ddc/proto/sitepb"
	"ddc/site/asset"
)

// Answers are what plugins have said, kept from one build to the next: a call
// whose request, plugin and tools are the same is not made again.
//
// What is kept is dear and small: a picture's variants, all together; fonts,
// style sheets, drawings, the index of the search. To look the answer of a
// page's own calls up costs as much as to make them: 300 pages took 1.5 times
// as long when these were kept too, and no less when they were remembered. An
// error is never kept, nor the answer of a call that looks at more than its
// request: a code sample that is run, a link that is asked for.
type Answers struct {
	engine   *query.Engine
	calls    *query.Call[question, []byte]
	pictures *query.Call[question, []byte]
	version  func(plugin string) (string, bool)

	mu          sync.Mutex
	counts      AnswerCounts
	differences []error
}

// AnswerCounts say how the questions of a build were answered.
type AnswerCounts struct {
	// Asked are questions that may be remembered; Remembered those that were,
	// and Checked those of them that were worked out all the same, to compare.
	Asked      int `json:"asked"`
	Remembered int `json:"remembered"`
	Checked    int `json:"checked"`
}

// question is a call: do makes it, and key digests all that its answer depends
// on.
type question struct {
	key string
	do  func(context.Context) ([]byte, error)
}

// NewAnswers keeps answers in store. Build is a number that is another in each
// build; version names a plugin's program and its tools, and says false where
// that cannot be told: then nothing of that plugin is remembered.
func NewAnswers(store query.Store, build uint64, version func(plugin string) (string, bool)) *Answers {
	a := &Answers{version: version}
	a.engine = query.NewEngine(query.Options{Store: store, Build: build, Told: a.told, Differs: a.differs})
	do := func(ctx context.Context, q question) ([]byte, error) { return q.do(ctx) }
	key := func(q question) string { return q.key }
	a.calls = query.NewCall(a.engine, "call", query.Bytes(), key, do, query.Large)
	a.pictures = query.NewCall(a.engine, "picture", query.Bytes(), key, do, query.Large)
	return a
}

// Counts say how questions were answered so far.
func (a *Answers) Counts() AnswerCounts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts
}

// Differences are remembered answers that were wrong. The build has the right
// ones.
func (a *Answers) Differences() []error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.differences
}

func (a *Answers) told(e query.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts.Asked++
	switch e.Outcome {
	case query.Stored, query.Held:
		a.counts.Remembered++
	case query.Checked:
		a.counts.Remembered++
		a.counts.Checked++
	}
}

func (a *Answers) differs(d query.Difference) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.differences = append(a.differences, d)
}

// key digests a request, with what answers it; false if the answer is not to be
// remembered.
func (a *Answers) key(plugin string, request proto.Message) (string, bool) {
	if a == nil {
		return "", false
	}
	switch request.(type) {
	case *fontspb.DecompressRequest, *fontspb.AnalyseRequest, *fontspb.SubsetRequest, *fontspb.CompressRequest,
		*sasspb.CompileRequest, *svgopb.OptimiseRequest:
	case *sitepb.DescribeRequest, *sitepb.MarkdownRequest, *sitepb.HtmlRequest, *sitepb.ShortcodeRequest, *sitepb.FunctionRequest,
		*sitepb.FilesRequest, *sitepb.CheckRequest: // of a program that may take long
	default:
		return "", false
	}
	version, ok := a.version(plugin)
	if !ok {
		return "", false
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return "", false // the call itself will say why
	}
	return digest(version, string(request.ProtoReflect().Descriptor().FullName()), encoded), true
}

// streamKey is key for all the messages of a call that sends a stream: pages,
// for the search.
func streamKey[Q any](a *Answers, plugin string, messages []*Q) (string, bool) {
	if _, pages := any(messages).([]*pagefindpb.Page); a == nil || !pages {
		return "", false
	}
	version, ok := a.version(plugin)
	if !ok {
		return "", false
	}
	h := sha256.New()
	for _, one := range messages {
		encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(any(one).(proto.Message))
		if err != nil {
			return "", false // the call itself will say why
		}
		h.Write([]byte(digest("", "", encoded)))
	}
	return digest(version, "stream of pages", h.Sum(nil)), true
}

// digest is a digest of texts, each with its length.
func digest(version, what string, contents []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(version), []byte(what), contents} {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// recall answers from what is kept, or by do, whose answer it keeps. A caller
// that runs do gets its answer as it came (ran), also where it is not to be
// kept; others get it from its bytes.
func recall[V any](ctx context.Context, b *build, kept *query.Call[question, []byte], key string, do func(context.Context) (V, error),
	encode func(V) ([]byte, error), decode func([]byte) (V, error)) (answer V, ran bool, err error) {
	var encoded []byte
	err = b.options.Answers.engine.Run(ctx, func(ctx context.Context, ask *query.Ask) (err error) {
		encoded, err = kept.Get(ctx, ask, question{key, func(ctx context.Context) (_ []byte, err error) {
			ran = true
			if answer, err = do(ctx); err != nil {
				return nil, err
			}
			return encode(answer)
		}})
		return err
	})
	if ran || err != nil {
		return answer, ran, err
	}
	if answer, err = decode(encoded); err != nil {
		return answer, false, fmt.Errorf("read a remembered answer: %w", err)
	}
	return answer, false, nil
}

// remembered answers a call from what is kept, or makes it.
func remembered[A any](ctx context.Context, b *build, key string, do func(context.Context) (*A, error)) (*A, error) {
	encode := func(a *A) ([]byte, error) {
		return proto.MarshalOptions{Deterministic: true}.Marshal(any(a).(proto.Message))
	}
	decode := func(encoded []byte) (*A, error) {
		a := new(A)
		return a, proto.Unmarshal(encoded, any(a).(proto.Message))
	}
	answer, _, err := recall(ctx, b, b.options.Answers.calls, key, do, encode, decode)
	return answer, err
}

// errPartial says that a picture's variants are not all there, and so not kept.
var errPartial = errors.New("some of a picture's variants are left out")

// rememberedPicture has the variants of a picture from what is kept, or makes
// them.
func (b *build) rememberedPicture(ctx context.Context, data []byte, do func(context.Context) (*variants, error)) (*variants, error) {
	key, ok := b.options.Answers.pictureKey("picture", data)
	if !ok {
		return do(ctx)
	}
	encode := func(made *variants) ([]byte, error) {
		if made == nil || made.partial {
			return nil, errPartial
		}
		var text bytes.Buffer
		err := gob.NewEncoder(&text).Encode(made)
		return text.Bytes(), err
	}
	decode := func(encoded []byte) (*variants, error) {
		made := new(variants)
		return made, gob.NewDecoder(bytes.NewReader(encoded)).Decode(made)
	}
	made, ran, err := recall(ctx, b, b.options.Answers.pictures, key, do, encode, decode)
	switch {
	case !errors.Is(err, errPartial):
		return made, err
	case ran:
		return made, nil
	}
	return do(ctx) // each file of this picture has its own warnings
}

// pictureKey digests a picture and what makes others of it; what says which
// others.
func (a *Answers) pictureKey(what string, data []byte) (string, bool) {
	if a == nil {
		return "", false
	}
	versions := fmt.Sprint(webpQuality, jxlQuality, asset.Widths(1<<20))
	for _, plugin := range []string{"image", "webp", "jxl"} {
		version, ok := a.version(plugin)
		if !ok {
			return "", false
		}
		versions += "\x00" + version
	}
	return digest(versions, what, data), true
}
