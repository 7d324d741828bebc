package site

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRatioOfADrawingIsTheOneThatBrowsersTake(t *testing.T) {
	for drawing, want := range map[string]string{
		`<?xml version="1.0"?><!DOCTYPE svg><svg width="40" height="20" viewBox="0 0 10 10"/>`: "40/20",
		`<svg width="24.5px" height="1in"/>`:                                                   "24.5/96",
		`<svg viewBox="0 0 24,16.5"/>`:                                                         "24/16.5",
		`<svg width="100%" height="50" viewBox="0 0 3 2"/>`:                                    "3/2",
		`<svg width="40" viewBox="0 0 3 2"><style>path{stroke-width:2}</style></svg>`:          "3/2",
		`<svg width="40"/>`: "",
		`<svg/>`:            "",
		`<svg viewBox="0 0 3 2" preserveAspectRatio="none"/>`:                                   "",
		`<svg viewBox="0 0 3 2" style="width:1em"/>`:                                            "",
		"<svg viewBox='0 0 3 2'><style type='text/css'>\npath{}\nsvg{width:20px}</style></svg>": "",
		`<html/>`: "",
	} {
		assert.Equal(t, want, drawingRatio(drawing), drawing)
	}
}
