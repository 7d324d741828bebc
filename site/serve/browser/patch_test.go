package browser_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pieces are what edits put into a page.
var pieces = []string{
	"A paragraph with *emphasis* and `code`.", "## A heading", "### Another", "- one\n- two\n- three", "1. a\n2. b", "> quoted", "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |", "```go\nfunc main() {}\n```",
	"<details><summary>s</summary>inside</details>", "<table><tbody><tr><td>1<td>2<tr><td>3</table>", `<svg viewBox="0 0 10 10"><g><path d="M0 0h1"/></g><title>t</title></svg>`,
	`<svg><a xlink:href="#a"><text>t</text></a></svg>`, "<math><mi>x</mi><mo>+</mo><mn>1</mn></math>", "<template><p>in a template</p></template>", "<select><option>a<option selected>b</select>",
	"<label>Name <input value=a></label>", "<input type=checkbox checked>", "<textarea>first</textarea>", "<pre>\n\ntwo lines\n</pre>", "<p id=known class=x>with an id</p>", "<div><p>in</p><p>side</p></div>",
	"<video controls></video>", "<button type=button>b</button>", "<!-- a comment -->", "[dead](/nowhere/)", "[home](/)", "<ruby>a<rt>b</ruby>", "<noscript><p>none</p></noscript>", "<dl><dt>a<dd>b</dl>",
}

func edit(random *rand.Rand, parts []string) []string {
	at := random.IntN(len(parts) + 1)
	switch random.IntN(4) {
	case 0:
		if len(parts) > 1 {
			at = min(at, len(parts)-1)
			return append(parts[:at:at], parts[at+1:]...)
		}
	case 1:
		at = min(at, len(parts)-1)
		changed := append([]string{}, parts...)
		changed[at] = pieces[random.IntN(len(pieces))] + "\n\nchanged"
		return changed
	}
	return append(parts[:at:at], append([]string{pieces[random.IntN(len(pieces))]}, parts[at:]...)...)
}

// edits is how many edits are made.
func edits(t *testing.T, long, short int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("DDC_EDITS")); err == nil {
		return n
	}
	if testing.Short() {
		return short
	}
	return long
}

func TestPatchedPageEqualsAFreshlyLoadedOneAfterEachEdit(t *testing.T) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, 1))
	parts := []string{"first", "second", "third"}
	s := serve(t, "content/edited.md", "+++\ntitle = \"Edited\"\n+++\nfirst\n")
	live, fresh := s.open("/edited/"), s.open("/edited/")
	live.does("window.marker = 1")
	reloads := 0
	for i := range edits(t, 100, 15) {
		title := "Edited"
		if random.IntN(10) == 0 {
			title = fmt.Sprint("Edited ", i)
		}
		if random.IntN(12) == 0 {
			s.write("templates/page.html", s.read("templates/page.html")+"\n{# again #}")
		}
		if random.IntN(12) == 0 {
			s.write("sass/main.scss", s.read("sass/main.scss")+fmt.Sprintf("\n.x%d { color: red }\n", i))
		}
		parts = edit(random, parts)
		mark := fmt.Sprint("mark ", i)
		s.write("content/edited.md", "+++\ntitle = \""+title+"\"\n+++\n"+strings.Join(parts, "\n\n")+"\n\n"+mark+"\n")
		live.until("edit "+mark, `document.body?.innerText.includes("`+mark+`") && !document.querySelector("script[data-ddc]")`)
		fresh.run(chromedp.Reload())
		fresh.until("the script to be done", `!document.querySelector("script[data-ddc]")`)
		want, got := eval[string](fresh, tree), eval[string](live, tree)
		require.Equal(t, want, got, "seed %d, edit %d", seed, i)
		if eval[bool](live, "window.marker !== 1") {
			reloads++
			live.does("window.marker = 1")
		}
	}
	assert.Zero(t, reloads, "edits that were loaded, and not patched")
	s.noProblems()
}

func TestScrollFocusSelectionAndWhatWasTypedStay(t *testing.T) {
	long := strings.Repeat("a line of text\n\n", 100)
	page := func(first string) string {
		return "+++\ntitle = \"T\"\n+++\n" + first + "\n\n<form><input id=name value=a><textarea id=text>b</textarea><input id=box type=checkbox><select id=choice><option>1<option>2</select></form>\n\n<details id=more><summary>s</summary>in</details>\n\n" + long
	}
	s := serve(t, "content/form.md", page("first"))
	tab := s.open("/form/")
	tab.run(chromedp.SendKeys(chromedp.CSS("#name"), "typed"), chromedp.SendKeys(chromedp.CSS("#text"), "more"), chromedp.Click(chromedp.CSS("#box")))
	tab.does(`document.querySelector("#choice").selectedIndex = 1; document.querySelector("#more").open = true;
			const n = document.querySelector("#name"); n.focus(); n.setSelectionRange(1, 3); scrollTo(0, 300); window.marker = 1`)
	s.write("content/form.md", page("second"))
	tab.until("the edit", `document.body.innerText.includes("second")`)
	assert.Contains(t, eval[string](tab, `document.querySelector("#name").value`), "typed")
	assert.Contains(t, eval[string](tab, `document.querySelector("#text").value`), "more")
	assert.True(t, eval[bool](tab, `document.querySelector("#box").checked`))
	assert.Equal(t, 1, eval[int](tab, `document.querySelector("#choice").selectedIndex`))
	assert.True(t, eval[bool](tab, `document.querySelector("#more").open`))
	assert.Equal(t, "name", eval[string](tab, `document.activeElement.id`))
	assert.Equal(t, []int{1, 3}, eval[[]int](tab, `[document.activeElement.selectionStart, document.activeElement.selectionEnd]`))
	assert.Equal(t, 300, eval[int](tab, `scrollY`))
	assert.Equal(t, 1, eval[int](tab, `window.marker`), "it was not loaded again")
	s.noProblems()
}

// A dialog, a popover and what else the reader has opened lie over the page, or
// in the way of all else on it.
func TestWhatIsOpenStaysOpenAndAnOpenDialogThatGoesLeavesThePageAlive(t *testing.T) {
	page := func(text, dialog string) string {
		return "+++\ntitle = \"T\"\n+++\n" + text + "\n\n<button id=out type=button onclick=\"window.pressed = 1\">press</button>\n\n<div id=tip popover><p>a tip</p></div>\n\n" + dialog + "\n"
	}
	dialog := func(text string) string { return "<dialog id=ask><p id=question>" + text + "</p></dialog>" }
	s := serve(t, "content/a.md", page("one", dialog("really")))
	tab := s.open("/a/")
	tab.does(`window.marker = 1; document.querySelector("#ask").showModal(); document.querySelector("#tip").showPopover()`)
	open := `document.querySelector("#ask")?.matches(":modal[open]") && document.querySelector("#tip").matches(":popover-open")`
	pressed := `(window.pressed = 0, document.elementFromPoint(...at(document.querySelector("#out")))?.click(), window.pressed === 1)`
	tab.does(`window.at = (e) => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] }`)
	require.True(t, eval[bool](tab, open))
	require.False(t, eval[bool](tab, pressed), "a modal dialog is in the way")

	s.write("content/a.md", page("two", dialog("really")))
	tab.until("an edit elsewhere", `document.body.innerText.includes("two")`)
	assert.True(t, eval[bool](tab, open))
	s.write("content/a.md", page("two", dialog("surely")))
	tab.until("an edit in the dialog", `document.querySelector("#question").textContent === "surely"`)
	assert.True(t, eval[bool](tab, open))

	s.write("content/a.md", page("three", ""))
	tab.until("the dialog to go", `document.body.innerText.includes("three") && !document.querySelector("#ask")`)
	assert.True(t, eval[bool](tab, `document.querySelector("#tip").matches(":popover-open")`))
	assert.Equal(t, 1, eval[int](tab, "window.marker"), "it was not loaded again")
	tab.does(`document.querySelector("#tip").hidePopover()`)
	assert.True(t, eval[bool](tab, pressed), "nothing that is gone lies over the page")

	// One that its author has opened is closed by its author.
	s.write("content/a.md", page("four", strings.Replace(dialog("really"), " id=ask", " id=ask open", 1)))
	tab.until("a dialog that is open at first", `document.querySelector("#ask")?.open`)
	tab.does(`document.querySelector("#ask").close(); document.querySelector("#ask").showModal()`)
	s.write("content/a.md", page("four", dialog("really")))
	tab.until("it to be closed", `document.querySelector("#ask")?.open === false`)
	assert.True(t, eval[bool](tab, pressed), "nothing that is closed lies over the page")
	s.noProblems()
}

func TestFaultAppearsOverThePageAndGoes(t *testing.T) {
	s := serve(t)
	home, guide := s.open("/"), s.open("/guide/")
	good := s.read("templates/base.html")
	s.write("templates/base.html", good+"{% if <b>oops</b> %}")
	shadow := `(document.querySelector("ddc-faults")?.shadowRoot.textContent ?? "")`
	for _, open := range []*tab{home, guide} {
		open.until("the fault", shadow+`.includes("templates/base.html")`)
		assert.True(t, eval[bool](open, `document.body.innerText.length > 10`), "the last good page is under it")
	}
	s.write("templates/base.html", good)
	for _, open := range []*tab{home, guide} {
		open.until("the fault to go", `!document.querySelector("ddc-faults")`)
	}
	s.noProblems()
}

func TestStyleSheetIsSwappedWithoutLoading(t *testing.T) {
	s := serve(t)
	tab := s.open("/")
	tab.does("window.marker = 1")
	s.write("sass/main.scss", s.read("sass/main.scss")+"\nbody { color: rgb(1, 2, 3) }\n")
	tab.until("the new colour", `getComputedStyle(document.body).color === "rgb(1, 2, 3)"`)
	assert.Equal(t, 1, eval[int](tab, "window.marker"))
	s.noProblems()
}

func TestNodesOfAScriptStayOrThePageIsLoaded(t *testing.T) {
	page := func(text, more string) string {
		return "+++\ntitle = \"T\"\n+++\n" + text + "\n\n<ul id=list><li>a</li>" + more + "</ul>\n"
	}
	s := serve(t, "content/a.md", page("one", ""))
	tab := s.open("/a/")
	tab.does(`window.marker = 1; document.querySelector("#list").insertAdjacentHTML("afterbegin", "<li>of a script</li>"); document.body.append("more")`)
	s.write("content/a.md", page("two", ""))
	tab.until("a patch elsewhere", `document.body.innerText.includes("two")`)
	assert.Equal(t, 1, eval[int](tab, "window.marker"))
	assert.True(t, eval[bool](tab, `document.body.innerText.includes("of a script")`))
	s.write("content/a.md", page("two", "<li>b</li>"))
	tab.until("the page to be loaded", `window.marker !== 1 && document.querySelector("#list")?.children.length === 2`)
	s.noProblems()
}
