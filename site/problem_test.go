package site

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestProblemSaysOnlyWhatIsKnown(t *testing.T) {
	for want, p := range map[string]Problem{
		"m":                {Message: "m"},
		"f: m":             {File: "f", Message: "m"},
		"f:1: m":           {File: "f", Line: 1, Message: "m"},
		"f:1:2: m (do it)": {File: "f", Line: 1, Col: 2, Message: "m", Hint: "do it"},
	} {
		assert.Equal(t, want, p.String())
	}
	assert.Equal(t, "a: 1\nb: 2", Errors{{File: "a", Message: "1"}, {File: "b", Message: "2"}}.Error())
}

func TestPlaceIsReadOffAPluginsMessage(t *testing.T) {
	const file = "static/css/a.css"
	for message, want := range map[string]Problem{
		"static/css/a.css:3:7: bad":  {File: file, Line: 3, Col: 7, Message: "bad"},
		"css/a.css:3: bad":           {File: file, Line: 3, Message: "bad"},
		"a.css: bad: worse":          {File: file, Message: "bad: worse"},
		"b.css:1:2: bad\nand\nworse": {File: "b.css", Line: 1, Col: 2, Message: "bad\nand\nworse"},
		"bad: worse":                 {File: file, Message: "bad: worse"},
		"bad":                        {File: file, Message: "bad"},
		"xa.css: bad":                {File: file, Message: "xa.css: bad"},
	} {
		assert.Equal(t, want, problemIn(file, message), message)
	}
}

func TestFaultTellsTheSiteFromToolsAndMachinery(t *testing.T) {
	var faults Errors
	assert.ErrorAs(t, fault("css", "a.css", status.Error(codes.InvalidArgument, "a.css:1:2: bad")), &faults)
	assert.Equal(t, Errors{{File: "a.css", Line: 1, Col: 2, Message: "bad"}}, faults)
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

func TestProblemsAreSortedAndToldOnce(t *testing.T) {
	got := sorted([]Problem{{File: "b", Line: 1}, {File: "a", Line: 10}, {File: "a", Line: 9}, {File: "b", Line: 1}})
	assert.Equal(t, []Problem{{File: "a", Line: 9}, {File: "a", Line: 10}, {File: "b", Line: 1}}, got)
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

func TestLineIsThatOfTheFirstOccurrence(t *testing.T) {
	assert.Equal(t, 2, lineOf("a\nb\nb", "b"))
	assert.Zero(t, lineOf("a", "b"))
}

func TestKeysAndValuesOfDataBecomeWhatTemplatesKnow(t *testing.T) {
	for text, want := range map[string]any{
		"{1: a, true: b}":      map[string]any{"1": "a", "true": "b"},
		"18446744073709551615": float64(1 << 64),
		"- 1\n- 0.5\n- null":   []any{int64(1), 0.5, nil},
	} {
		got, err := decode("x.yaml", text)
		assert.NoError(t, err)
		assert.Equal(t, want, got, text)
	}
	got, err := decode("x.toml", "at = 2024-01-02")
	assert.NoError(t, err)
	assert.Equal(t, map[string]any{"at": "2024-01-02"}, got)
	got, err = decode("x.json", "123456789012345678901")
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
