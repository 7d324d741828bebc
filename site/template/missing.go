package template

// What Zola or Jinja have and this dialect has not, and what to write instead.
// None of these tables is ever changed.

var missingFilters = map[string]string{
	"attr":          "write value.name, or value[name]",
	"base64_decode": "write the text itself",
	"base64_encode": "put the file into the static folder and name it, or write the encoded text",
	"batch":         "write | slice(start=.., end=..) in a loop over range(end=.., step_by=..)",
	"center":        "that is a matter of the style sheet",
	"dictsort":      "a loop over a dict goes in the order of its keys",
	"format":        "put the parts together with ~",
	"forceescape":   "write | escape",
	"items":         "a loop goes over a dict itself: {% for key, value in dict %}",
	"keys":          "a loop goes over a dict itself: {% for key, value in dict %}",
	"list":          "a loop goes over a text itself; | split makes a list of one",
	"num_format":    "write the number as it shall be shown, or | round",
	"pprint":        "write | json_encode(pretty=true)",
	"random":        "a site comes out the same each time it is built: choose in a script",
	"regex_replace": "write | replace(from=\"..\", to=\"..\"), once for each text",
	"reject":        "write an if in a loop, or | rejectattr(..)",
	"select":        "write an if in a loop, or | selectattr(..)",
	"urlize":        "write | markdown(inline=true), which makes links of addresses",
	"values":        "a loop goes over a dict itself: {% for key, value in dict %}",
	"wordwrap":      "that is a matter of the style sheet",
	"xmlattr":       "write the attributes, each name=\"{{ value }}\"",
}

var missingTests = map[string]string{
	"callable": "only functions and macros can be called, and they are no values",
	"escaped":  "what is printed is escaped once, whatever it was",
	"lower":    "compare with | lower",
	"upper":    "compare with | upper",
}

// missingTags are those of Jinja, Liquid and Hugo.
var missingTags = map[string]string{
	"assign":     "write {% set name = value %}",
	"autoescape": "print what is HTML already with | safe",
	"call":       "hold the text, {% set text %}..{% endset %}, and give it to the macro: {{ m::name(text=text) }}",
	"capture":    "write {% set name %}..{% endset %}",
	"case":       "write {% if .. %}{% elif .. %}{% endif %}",
	"comment":    "write {# .. #}",
	"cycle":      "choose by loop.index % n",
	"debug":      "print what is of interest: {{ value | json_encode(pretty=true) }}",
	"do":         "a value is never changed: {% set name = .. %} makes another",
	"elseif":     "write {% elif .. %}",
	"elsif":      "write {% elif .. %}",
	"end":        "say what ends: endif, endfor, endblock",
	"from":       "write {% import \"macros.html\" as m %}, and {{ m::name() }}",
	"partial":    "write {% include \"name.html\" %}",
	"range":      "write {% for item in list %}..{% endfor %}",
	"switch":     "write {% if .. %}{% elif .. %}{% endif %}",
	"trans":      "a site has one language: write its texts into data/texts.toml, and {{ data.texts.KEY }}",
	"unless":     "write {% if not .. %}",
	"verbatim":   "write {% raw %}..{% endraw %}",
	"with":       "write {% set name = value %}, which holds up to the end of the block, loop, include or macro",
}

var missingFunctions = map[string]string{
	"cycler":     "choose by loop.index % n",
	"dict":       "write {\"key\": value}",
	"get_env":    "put the value into a file, and read that with load_data",
	"get_hash":   "a file's address changes with what is in it by itself: write its path as href or src, or get_url(path=..)",
	"get_random": "a site comes out the same each time it is built: choose by now(timestamp=true) % n, or in a script",
	"namespace":  "set_global sets a variable outside of a loop",
	"trans":      "a site has one language: write its texts into data/texts.toml, and {{ data.texts.KEY }}",
}

const oneLanguage = "a site has one language, as the configuration says: leave lang out"

// missingArguments are by what is called, as errors name it.
var missingArguments = map[string]map[string]string{
	"filter d":       {"boolean": "an empty text is replaced as well: leave it out"},
	"filter default": {"boolean": "an empty text is replaced as well: leave it out"},
	"filter sort":    {"case_sensitive": "put what to sort by into a field of its own", "reverse": "write | sort(..) | reverse"},
	"function load_data": {
		"body": nothingFetched, "headers": nothingFetched, "method": nothingFetched, "url": nothingFetched,
		"literal": "write the value itself: {% set x = {\"key\": [1, 2]} %}",
	},
}

const nothingFetched = "a build fetches nothing: save the answer as a file of the project, and name that as path"

const beside = "the pages beside one in its section are page.lower and page.higher"

// missingFields of pages, sections and config.
var missingFields = map[string]string{
	"earlier":             beside,
	"later":               beside,
	"heavier":             beside,
	"lighter":             beside,
	"backlinks":           "no page knows who links to it: list the pages in a field of extra",
	"generate_robots_txt": "robots.txt is always made; a file of that name in static/ takes its place",
	"generate_sitemap":    "sitemap.xml is made where base_url is a whole address",
	"mode":                "serve shows what build writes",
	"next":                beside,
	"prev":                beside,
	"previous":            beside,
	"raw_content":         "a template has the page's HTML alone, content",
}

// missingVariables are those that Zola's templates have besides.
var missingVariables = map[string]string{
	"__tera_context": "print what is of interest: {{ page | json_encode(pretty=true) }}",
}

// missingField is what to take in the place of a field that Zola's values have.
func missingField(of value, name string) string {
	for _, known := range []string{"relative_path", "base_path"} { // a page or section; config
		if !entry(of, known).absent() {
			return missingFields[name]
		}
	}
	return ""
}
