package template

import (
	"slices"
	"strings"
)

// The tables of all filters and tests. None of them is ever changed. Each row
// has a line for the reference, docs/TEMPLATES.md; to write that anew:
//
//	go test ./site/template -run ReferencePage -write

// filters by name.
var filters = map[string]filter{
	"abs":                {doc: "a number without its sign", apply: absolute},
	"as_str":             {doc: "any value as text", apply: asText},
	"capitalize":         {doc: "the first letter a capital", apply: lettered(capitalize)},
	"concat":             {signature: takes(1, "with"), doc: "a list with another, or with one more item, behind it", apply: concat},
	"date":               {signature: takes(0, "format", "timezone"), doc: "a date as text: of seconds since 1970, of 2024-05-01 or of 2024-05-01T10:00:00Z; format is that of strftime, %Y-%m-%d if not given", apply: date},
	"default":            {signature: takes(1, "value"), soft: true, doc: "value in the place of what is undefined, none or an empty text", apply: orDefault},
	"escape":             {doc: "the text with < > & and quotes written for HTML; printing does it by itself", apply: escape},
	"escape_xml":         {doc: "the same as escape", apply: escape},
	"filesizeformat":     {signature: takes(0, "binary"), doc: "a number of bytes for people: 123.46 MB; with binary=true 117.74 MiB", apply: fileSize},
	"filter":             {signature: takes(1, "attribute", "value"), doc: "the items whose attribute equals value; without value those that have the attribute", apply: having},
	"first":              {doc: "the first item or letter, none if there is none", apply: end("first", 0)},
	"float":              {signature: takes(0, "default"), doc: "a number, also of text; default (0) where there is none in it", apply: toFloat},
	"get":                {signature: takes(1, "key", "default"), doc: "the field of a dict, or default", apply: get},
	"group_by":           {signature: takes(1, "attribute"), doc: "a dict of lists by what the items have as attribute; those without are left out", apply: groupedBy},
	"groupby":            {signature: takes(1, "attribute"), doc: "a list of [key, items], in the order in which the keys come", apply: grouped},
	"indent":             {signature: takes(0, "prefix", "first", "blank"), doc: "lines with prefix (four spaces; a number is of spaces) before them, but the first and blank ones unless asked for", apply: indent},
	"int":                {signature: takes(0, "default", "base"), doc: "a whole number, also of text; default (0) where there is none in it", apply: toInt},
	"join":               {signature: takes(0, "sep"), doc: "the items as one text, sep between them", apply: join},
	"json_encode":        {signature: takes(0, "pretty"), doc: "the value as JSON, which may stand in a script; print it with | safe", apply: jsonEncode},
	"last":               {doc: "the last item or letter, none if there is none", apply: end("last", -1)},
	"length":             {doc: "how many items a list has, fields a dict, bytes a text", apply: length},
	"linebreaksbr":       {doc: "the text with <br> for each line break; print it with | safe", apply: reworked(breaks)},
	"lower":              {doc: "every letter a small one", apply: lettered(strings.ToLower)},
	"map":                {signature: takes(1, "attribute"), doc: "what each item has as attribute", apply: mapped},
	"markdown":           {signature: takes(0, "inline"), doc: "the text as Markdown, made HTML; with inline=true without the p around it", apply: markdown},
	"nth":                {signature: takes(1, "n"), doc: "the item at n, which counts from 0; none if there is none", apply: nth},
	"pluralize":          {signature: takes(0, "singular", "plural"), doc: "singular (empty) if the number is 1 or -1, else plural (s)", apply: pluralize},
	"rejectattr":         {signature: takes(1, "attribute", "test", "value"), doc: "the items whose attribute does not pass a test (truthy)", apply: selecting(false)},
	"replace":            {signature: takes(2, "from", "to"), doc: "the text with each from made to", apply: replace},
	"reverse":            {doc: "the items or letters from the last to the first", apply: reverse},
	"round":              {signature: takes(0, "method", "precision"), doc: "the nearest number with precision (0) digits behind the point; method is common, ceil or floor", apply: round},
	"safe":               {doc: "text that is HTML already: it is printed as it is", apply: safe},
	"selectattr":         {signature: takes(1, "attribute", "test", "value"), doc: "the items whose attribute passes a test (truthy)", apply: selecting(true)},
	"slice":              {signature: takes(0, "start", "end"), doc: "the items or letters from start up to, but without, end; negative numbers count from the end", apply: slice},
	"slugify":            {doc: "the text as a part of an address: small letters and digits with - between words, accents taken away", apply: reworked(slugify)},
	"sort":               {signature: takes(0, "attribute"), doc: "the items in order, or in that of what they have as attribute", apply: sorted},
	"spaceless":          {doc: "HTML without white space between tags", apply: reworked(spaceless)},
	"split":              {signature: takes(0, "pat"), doc: "the parts of a text between pat (a space)", apply: split},
	"striptags":          {doc: "the text without tags and comments; &amp; and the like stay", apply: reworked(stripTags)},
	"title":              {doc: "the first letter of each word a capital", apply: lettered(titleCase)},
	"trim":               {doc: "no white space at either end", apply: lettered(strings.TrimSpace)},
	"trim_end":           {doc: "no white space at the end", apply: reworked(trimEnd)},
	"trim_end_matches":   {signature: takes(1, "pat"), doc: "the end without pat, however often it stands there", apply: trimMatches(strings.CutSuffix)},
	"trim_start":         {doc: "no white space at the start", apply: reworked(trimStart)},
	"trim_start_matches": {signature: takes(1, "pat"), doc: "the start without pat, however often it stands there", apply: trimMatches(strings.CutPrefix)},
	"truncate":           {signature: takes(0, "length", "end"), doc: "the first length (255) letters and then end (…), if the text is longer", apply: truncate},
	"typeof":             {doc: "what the value is: string, number, bool, list, dict or none", apply: func(_ *render, v value, _ []value) (value, error) { return textual(kind(v)), nil }},
	"unique":             {signature: takes(0, "attribute", "case_sensitive"), doc: "the items without those that came before, or whose attribute did; capitals count only with case_sensitive=true", apply: unique},
	"upper":              {doc: "every letter a capital", apply: lettered(strings.ToUpper)},
	"urlencode":          {doc: "the text with all but letters, digits and _ . - ~ / as %XX", apply: urlEncode("/")},
	"urlencode_strict":   {doc: "as urlencode, but / is %2F as well", apply: urlEncode("")},
	"wordcount":          {doc: "how many words a text has", apply: wordCount},
}

// missingFilters of Zola, and what to write instead.
var missingFilters = map[string]string{
	"base64_decode": "write the text itself",
	"base64_encode": "put the file into the static folder and name it, or write the encoded text",
	"num_format":    "write the number as it shall be shown, or | round",
	"regex_replace": "write | replace(from=\"..\", to=\"..\"), once for each text",
	"xmlattr":       "write the attributes, each name=\"{{ value }}\"",
}

// tests by name.
var tests = map[string]test{
	"defined":       presence(true).says("there is a value, and it is not none"),
	"undefined":     presence(false).says("there is no value, or it is none"),
	"none":          kindTest("none").says("it is none"),
	"string":        kindTest("string").says("it is a text"),
	"number":        kindTest("number").says("it is a number"),
	"integer":       wholeTest(func(int64) bool { return true }).says("it is a whole number"),
	"float":         simple(func(v value) bool { _, ok := v.is.(float64); return ok }).says("it is a number with a fraction"),
	"mapping":       kindTest("dict").says("it is a dict"),
	"dict":          kindTest("dict").says("it is a dict"),
	"object":        kindTest("dict").says("it is a dict"),
	"iterable":      kindTest("list", "string", "dict").says("a loop can go over it: a list, a text or a dict"),
	"sequence":      kindTest("list", "string", "dict").says("the same as iterable"),
	"odd":           wholeTest(func(n int64) bool { return n%2 != 0 }).says("it is a whole number that two does not divide"),
	"even":          wholeTest(func(n int64) bool { return n%2 == 0 }).says("it is a whole number that two divides"),
	"truthy":        simple(truth).says("an if would hold"),
	"falsy":         simple(func(v value) bool { return !truth(v) }).says("an if would not hold"),
	"empty":         simple(func(v value) bool { return !slices.Contains([]string{"bool", "number"}, kind(v)) && !truth(v) }).says("it is a text, list or dict with nothing in it, or none"),
	"eq":            equalTest(true).says("it equals value"),
	"equalto":       equalTest(true).says("the same as eq"),
	"sameas":        equalTest(true).says("the same as eq"),
	"ne":            equalTest(false).says("it does not equal value"),
	"lt":            orderTest(func(c int) bool { return c < 0 }).says("it is less than value"),
	"lessthan":      orderTest(func(c int) bool { return c < 0 }).says("the same as lt"),
	"le":            orderTest(func(c int) bool { return c <= 0 }).says("it is at most value"),
	"gt":            orderTest(func(c int) bool { return c > 0 }).says("it is greater than value"),
	"greaterthan":   orderTest(func(c int) bool { return c > 0 }).says("the same as gt"),
	"ge":            orderTest(func(c int) bool { return c >= 0 }).says("it is at least value"),
	"starting_with": textTest(strings.HasPrefix).says("the text begins with another"),
	"startswith":    textTest(strings.HasPrefix).says("the same as starting_with"),
	"ending_with":   textTest(strings.HasSuffix).says("the text ends with another"),
	"endswith":      textTest(strings.HasSuffix).says("the same as ending_with"),
	"containing":    test{holds: containing}.of("value").says("a list has the item, a dict the key or a text the part"),
	"contains":      test{holds: containing}.of("value").says("the same as containing"),
	"divisibleby":   wholeWith(func(n, by int64) bool { return by != 0 && n%by == 0 }).says("it is a whole number that divisor divides"),
	"matching":      test{holds: matching}.of("pat").says("the regular expression pat matches somewhere in the text"),
}
