package html

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/plugins/html/htmlpb"
)

func TestDrawingsHaveTheirRatioBeforeTheyHaveCome(t *testing.T) {
	for source, want := range map[string]string{
		`<title>T</title><meta name=x><script src=a.js></script><link rel=stylesheet href=a.css><img src=a.svg><img src=a.svg width=20><img src="b.svg">`: `<title>T</title><meta name=x><script src=a.js></script><style>@layer{:where(img[src="/a.0.svg"]){aspect-ratio:auto 2/1}:where(img[src="b.svg"]){aspect-ratio:auto 1/1}}</style><link rel=stylesheet href=a.css><img src="/a.0.svg"><img src="/a.0.svg" width=20><img src="b.svg">`,
		`<title>T</title><meta charset=utf-8><body><img src="b.svg"><link rel=stylesheet href=a.css>`:                                                     `<title>T</title><meta charset=utf-8><style>@layer{:where(img[src="b.svg"]){aspect-ratio:auto 1/1}}</style><body><img src="b.svg"><link rel=stylesheet href=a.css>`,
		`<title>T</title><noscript><style></style></noscript><img src="b.svg">`:                                                                           `<title>T</title><style>@layer{:where(img[src="b.svg"]){aspect-ratio:auto 1/1}}</style><noscript><style></style></noscript><img src="b.svg">`,
	} {
		assert.Equal(t, want, rewritten(t, &htmlpb.RewriteRequest{Html: source, Urls: map[string]string{"a.svg": "/a.0.svg"}, Ratios: map[string]string{"a.svg": "2/1", "b.svg": "1/1"}}))
	}
}

func TestARatioIsNotAddedWhereItCannotHelp(t *testing.T) {
	for _, source := range []string{
		`<title>T</title><img src="b.svg" width=20 height=20>`,
		`<title>T</title><img src="b.svg" srcset="c.svg 2x">`,
		`<title>T</title><picture><img src="b.svg"></picture>`,
		`<title>T</title><svg><image href="b.svg"></svg>`,
		`<title>T</title><meta http-equiv="Content-Security-Policy" content="style-src 'self'"><img src="b.svg">`,
		`<p><img src="b.svg"></p>`, // where the head is none, nobody knows what comes first
	} {
		assert.Equal(t, source, rewritten(t, &htmlpb.RewriteRequest{Html: source, Ratios: map[string]string{"b.svg": "1/1"}}))
	}
}
