package template

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // so that a site comes out the same on every machine

	"github.com/ncruces/go-strftime"
)

// dateLayouts are the ways in which a date may be written.
var dateLayouts = []string{time.RFC3339, "2006-01-02", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700 MST", "2006-01-02T15:04"}

// maxFormat is how long a date's format may be, and formatGrowth how much
// longer than it a date can get.
const maxFormat, formatGrowth = 1000, 20

// zoneSteps is what looking up a time zone costs: it reads a file.
const zoneSteps = 400

func date(r *render, v value, args []value) (value, error) {
	at, err := r.moment(v)
	if err != nil {
		return undefined, err
	}
	format, err := textOr(args[0], "format", "%Y-%m-%d")
	if err != nil {
		return undefined, err
	}
	if len(format) > maxFormat {
		return undefined, fmt.Errorf("the format of a date has %d bytes at most", maxFormat)
	}
	format = asZolas.Replace(format)
	if wrong := wrongVerb(format); wrong != "" {
		return undefined, &missing{fmt.Sprintf("a date's format knows no %s", quote(wrong)),
			"as %Y-%m-%d %H:%M:%S, %B for the month's name, %e for the day, and %% for a percent sign"}
	}
	locale, err := textOr(args[2], "locale", "en")
	if err == nil && !strings.HasPrefix(strings.ToLower(locale), "en") && locale != "POSIX" {
		err = &missing{"date knows no locale " + quote(locale), "months and days have their English names; others can be taken from data/ by page.month"}
	}
	if err != nil {
		return undefined, err
	}
	name, err := textOr(args[1], "timezone", "")
	if err != nil {
		return undefined, err
	}
	if name != "" {
		if err := r.work(zoneSteps); err != nil {
			return undefined, err
		}
		zone, err := time.LoadLocation(name)
		if err != nil || name == "Local" { // that would be another on each machine
			return undefined, &missing{"there is no time zone " + quote(name), "zones are called as Europe/Berlin or UTC"}
		}
		at = at.In(zone)
	}
	if err := r.spend(formatGrowth * len(format)); err != nil {
		return undefined, err
	}
	return textual(strftime.Format(format, at)), nil
}

// moment is the time that a number of seconds or a text stands for.
func (w *walker) moment(v value) (time.Time, error) {
	const hint = "dates are written 2024-05-01, 2024-05-01T10:00:00 or 2024-05-01T10:00:00+02:00"
	switch is := v.is.(type) {
	case int64:
		const year10000 = 253402300800
		if is >= 0 && is < year10000 || is < 0 && is > -year10000/4 {
			return time.Unix(is, 0).UTC(), nil
		}
		return time.Time{}, &missing{fmt.Sprintf("%d is no date in seconds since 1970", is), "milliseconds are to be divided: | date is of seconds"}
	case string:
		text := strings.TrimSpace(is)
		for _, layout := range dateLayouts {
			if at, err := time.Parse(layout, text); err == nil {
				return at, nil
			}
		}
		return time.Time{}, &missing{"the date " + quote(is) + " cannot be", hint}
	}
	return time.Time{}, &missing{"date needs a date, not " + articled(v), hint}
}

// verbs are the letters that may follow % in a date's format, and unpadded
// those that may follow %-, which leaves out the zero or space before a number.
const verbs, unpadded = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUvVwWxXyYzZ+%", "dHIjmMSUVW"

// asZolas writes the verbs that mean something else in Zola, or are missing
// here, by others.
var asZolas = strings.NewReplacer("%%", "%%", "%+", "%Y-%m-%dT%H:%M:%S%:z", "%-e", "%-d", "%-k", "%-H", "%-l", "%-I",
	"%_d", "%e", "%_H", "%k", "%_I", "%l", "%0e", "%d", "%0k", "%H", "%0l", "%I")

// wrongVerb gives the first of a format that means nothing.
func wrongVerb(format string) string {
	for rest := format; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return ""
		}
		known := verbs
		length := 1
		switch {
		case strings.HasPrefix(after, "-"):
			known, length = unpadded, 2
		case strings.HasPrefix(after, ":"):
			known, length = "z", 2
		}
		length = min(length, len(after))
		if length == 0 || !strings.Contains(known, after[length-1:length]) {
			return strings.ToValidUTF8("%"+after[:length], "")
		}
		rest = after[length:]
	}
}
