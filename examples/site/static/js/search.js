// The search box. The index is fetched when the box is first used, so that a
// page which nobody searches from loads none of it.
const box = document.getElementById("query");
const panel = document.getElementById("results");
const mostShown = 8;
let engine;
let asked = 0;

const load = () => (engine ??= import("/pagefind/pagefind.js"));

function say(text) {
  const line = document.createElement("p");
  line.textContent = text;
  panel.replaceChildren(line);
  panel.hidden = false;
}

function show(pages, count) {
  const list = document.createElement("ol");
  for (const page of pages) {
    const link = document.createElement("a");
    link.href = page.url;
    link.textContent = page.meta.title;
    const excerpt = document.createElement("p");
    excerpt.innerHTML = page.excerpt; // Pagefind escapes all but its <mark>
    const item = document.createElement("li");
    item.append(link, excerpt);
    list.append(item);
  }
  say(count === 1 ? "1 page" : `${count} pages`);
  panel.append(list);
}

async function search() {
  const turn = ++asked;
  const words = box.value.trim();
  panel.hidden = !words;
  if (!words) return;
  try {
    const found = await (await load()).debouncedSearch(words, {}, 120);
    if (!found || turn !== asked) return;
    const pages = await Promise.all(found.results.slice(0, mostShown).map((result) => result.data()));
    if (turn === asked) show(pages, found.results.length);
  } catch {
    engine = undefined;
    say("The search could not be loaded.");
  }
}

box.addEventListener("focus", () => load().catch(() => (engine = undefined)), { once: true });
box.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    box.focus();
  }
  if (event.key === "Escape" && !panel.hidden) {
    asked++;
    panel.hidden = true;
    box.focus();
  }
});
document.addEventListener("click", (event) => {
  if (!event.target.closest(".search")) panel.hidden = true;
});
