package site

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
)

func TestFaultTellsTheSiteFromToolsAndMachinery(t *testing.T) {
	var faults Errors
	assert.ErrorAs(t, fault("css", "a.css", diagnostic.Refuse("x", Problem{Line: 1, Col: 2, Length: 3, Message: "bad"}, Problem{File: "b.css", Message: "worse"})), &faults)
	assert.Equal(t, Errors{{File: "a.css", Line: 1, Col: 2, Length: 3, Message: "bad"}, {File: "b.css", Message: "worse"}}, faults)
	assert.ErrorAs(t, fault("css", "a.css", status.Error(codes.InvalidArgument, "b.css:1:2: bad")), &faults)
	assert.Equal(t, Errors{{File: "a.css", Message: "b.css:1:2: bad"}}, faults, "no text is read back")
	var missing *missingTool
	assert.ErrorAs(t, fault("jxl", "a.png", status.Error(codes.FailedPrecondition, "no cjxl")), &missing)
	assert.EqualError(t, missing, "jxl plugin: no cjxl")
	for _, err := range []error{status.Error(codes.Unavailable, "it died"), errors.New("it died")} {
		whole := fault("css", "a.css", err)
		assert.ErrorIs(t, whole, err)
		assert.NotErrorAs(t, whole, &faults)
		assert.ErrorContains(t, whole, "css plugin, a.css: ")
	}
}

// tooLong is an answer's error.
type tooLong bool

func (tooLong) Error() string      { return "too much" }
func (long tooLong) TooLong() bool { return bool(long) }

// A sheet with a picture of 40 MB in it ended the build as a failure of the css
// plugin.
func TestAnswerThatIsTooLongIsAFaultOfItsFile(t *testing.T) {
	var faults Errors
	assert.ErrorAs(t, fault("css", "a.css", tooLong(true)), &faults)
	assert.Equal(t, "a.css", faults[0].File)
	assert.Contains(t, faults[0].Message, "what the css plugin makes of it is too large")
	assert.NotErrorAs(t, fault("css", "a.css", tooLong(false)), &faults, "more in it than its length needs")
	assert.NotErrorAs(t, fault("css", "", tooLong(true)), &faults)
}

func TestElementGoesToTheEndOfTheHead(t *testing.T) {
	for in, want := range map[string]string{
		"<html><head>İK</HEAD ><body>":                    "<html><head>İK!</HEAD ><body>",
		"<title>x</title><BODY class=a><header></header>": "<title>x</title>!<BODY class=a><header></header>",
		"\n<!DOCTYPE html>\n<p>x":                         "\n<!DOCTYPE html>!\n<p>x",
		"<p>x</p>":                                        "!<p>x</p>",
		"":                                                "!",
	} {
		assert.Equal(t, want, intoHead(in, "!"))
	}
}

func TestPlaceIsThatOfTheFirstOccurrence(t *testing.T) {
	assert.Equal(t, &Problem{Line: 2, Col: 2, Length: 1, Message: "m"}, firstOf("a\nxb\nb", "b", "m"))
	assert.Equal(t, &Problem{Message: "m"}, firstOf("a", "b", "m"))
}

func TestKeysAndValuesOfDataBecomeWhatTemplatesKnow(t *testing.T) {
	for text, want := range map[string]any{
		"{1: a, true: b}":      map[string]any{"1": "a", "true": "b"},
		"18446744073709551615": float64(1 << 64),
		"- 1\n- 0.5\n- null":   []any{int64(1), 0.5, nil},
	} {
		got, err := decode("x.yaml", "yaml", text)
		assert.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
	got, err := decode("x.toml", "toml", "at = 2024-01-02")
	assert.NoError(t, err)
	assert.Equal(t, map[string]any{"at": "2024-01-02"}, got)
	got, err = decode("x.json", "json", "123456789012345678901")
	assert.NoError(t, err)
	assert.Equal(t, 123456789012345678901.0, got)
}

func TestChangeIsALine(t *testing.T) {
	for want, c := range map[string]Change{
		"a: new": {Path: "a", New: true}, "a: changed": {Path: "a", Patches: -1},
		"a: changed in 1 place": {Path: "a", Patches: 1}, "a: changed in 2 places": {Path: "a", Patches: 2},
	} {
		assert.Equal(t, want, c.String())
	}
}
