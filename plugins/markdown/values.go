package markdown

import (
	"fmt"
	"strconv"
	"time"

	"github.com/pelletier/go-toml/v2"

	"ddc/internal/notation"
)

// setDate takes a date of TOML, or a text that is one. It is kept as templates
// know dates: 2024-05-01, 2024-05-01T10:00:00, or with a time zone.
func setDate(v any, into *string) (wanted string) {
	switch date := v.(type) {
	case toml.LocalDate:
		*into = date.String()
		return ""
	case toml.LocalDateTime:
		*into = date.AsTime(time.UTC).Format("2006-01-02T15:04:05")
		return ""
	case time.Time:
		*into = date.Format(time.RFC3339)
		return ""
	case notation.Text:
		for _, layout := range [][2]string{
			{time.DateOnly, time.DateOnly},
			{time.RFC3339, time.RFC3339},
			{"2006-01-02T15:04:05", "2006-01-02T15:04:05"}, {time.DateTime, "2006-01-02T15:04:05"},
			{"2006-01-02T15:04", "2006-01-02T15:04:05"}, {"2006-01-02 15:04", "2006-01-02T15:04:05"},
			{"2006-01-02 15:04:05Z07:00", time.RFC3339}, {"2006-01-02 15:04:05 -0700", time.RFC3339}, {"2006-01-02T15:04:05-0700", time.RFC3339},
		} {
			if t, err := time.Parse(layout[0], date.Written); err == nil {
				*into = t.Format(layout[1])
				return ""
			}
		}
	}
	return "a date, such as 2024-05-01 or 2024-05-01T10:00:00Z,"
}

// mostQuoted is up to how many bytes of a value are told.
const mostQuoted = 40

// kindOf names a value for people who write pages.
func kindOf(v any) string {
	switch v := v.(type) {
	case notation.Text:
		switch v.Value.(type) {
		case bool:
			return v.Written
		case string:
			if len(v.Written) <= mostQuoted {
				return strconv.Quote(v.Written)
			}
			return "a long text"
		}
		return "the number " + v.Written
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case bool:
		return strconv.FormatBool(v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	}
	return "a date"
}
