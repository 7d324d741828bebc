// The script that each served page gets. It takes its own element out, and then
// keeps the page in line with the site, by patches from the server. A patch that
// finds something else than it expects loads the page again.
const self = document.querySelector("script[data-ddc]");
const page = { name: self.dataset.name, hash: self.dataset.ddc };
const first = { faults: parsed(self.dataset.faults), dead: parsed(self.dataset.dead) };
self.remove();

function parsed(text) {
  return text ? JSON.parse(text) : [];
}

// Whatever this script adds to the page is none of the site's nodes.
const ours = new WeakSet();

// ---- applying patches

class Mismatch extends Error {}

function childrenOf(node) {
  return [...node.childNodes].filter((n) => !ours.has(n));
}

function nameOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.localName : node.nodeType === Node.DOCUMENT_TYPE_NODE ? "#doctype" : node.nodeName;
}

function find(patch) {
  let node = document;
  patch.path.forEach((index, step) => {
    node = childrenOf(node)[index];
    if (!node || nameOf(node) !== patch.names[step]) throw new Mismatch(`${patch.names[step]} is not there`);
  });
  return node;
}

function count(node) {
  let nodes = 1;
  for (const child of childrenOf(node)) nodes += count(child);
  if (node instanceof HTMLTemplateElement) for (const child of node.content.childNodes) nodes += count(child);
  return nodes;
}

function expect(right, what) {
  if (!right) throw new Mismatch(what);
}

// One node of markup, parsed as content of parent. Scripts in it would not run;
// but where scripts differ, the page is loaded.
function parse(markup, parent) {
  // A copy of an element that a script defines would run that script.
  const box = parent.localName.includes("-") ? document.createElement("div") : parent.cloneNode(false);
  box.innerHTML = markup;
  expect(box.childNodes.length === 1, "the markup is not one node");
  return box.firstChild;
}

const plain = (value) => value?.replace(/[?&]ddc=\w+$/, "");

// An attribute of a control says what it is at first. The control itself has what
// the reader made of it, until the site's author changes the attribute.
function setProperty(element, name, value) {
  if (name === "checked" && "checked" in element) element.checked = value !== null;
  if (name === "selected" && "selected" in element) element.selected = value !== null;
  if (name === "value" && "value" in element && element.localName === "input") element.value = value ?? "";
  if (name === "open" && element.localName === "dialog" && value === null && element.matches(":modal")) {
    element.setAttribute("open", "");
    element.close();
  }
}

const operations = {
  replace(node, p) {
    expect(childrenOf(node.parentNode).length === p.siblings && count(node) === p.nodes, "the node to replace is another");
    node.replaceWith(parse(p.html, node.parentNode));
  },
  insert_before(node, p) {
    expect(childrenOf(node.parentNode).length === p.siblings, "there are other nodes");
    node.before(parse(p.html, node.parentNode));
  },
  append_child(node, p) {
    const children = childrenOf(node);
    expect(children.length === p.siblings, "there are other nodes");
    const added = parse(p.html, node);
    if (children.length) children.at(-1).after(added);
    else node.append(added);
  },
  remove(node, p) {
    expect(childrenOf(node.parentNode).length === p.siblings && count(node) === p.nodes, "the node to remove is another");
    if (node.localName === "dialog" && node.open) node.close();
    node.remove();
  },
  set_text(node, p) {
    expect(node.data === p.old, "the text is another");
    if (node.parentNode.localName === "textarea") {
      const area = node.parentNode;
      const typed = area.value !== area.defaultValue;
      node.data = p.value;
      if (!typed) area.value = area.defaultValue;
      return;
    }
    node.data = p.value;
  },
  set_attribute(node, p) {
    expect(plain(node.getAttribute(p.name)) === p.old, `${p.name} is another`);
    node.setAttribute(p.name, p.value);
    setProperty(node, p.name, p.value);
  },
  remove_attribute(node, p) {
    expect(node.hasAttribute(p.name), `${p.name} is not there`);
    setProperty(node, p.name, null);
    node.removeAttribute(p.name);
  },
};

// New style sheets are fetched before the patches that name them, so that the
// page is never without.
async function prefetch(patches) {
  const sheets = patches.filter((p) => p.op === "set_attribute" && p.name === "href" && p.names.at(-1) === "link");
  const wait = new Promise((done) => setTimeout(done, 2000));
  await Promise.race([wait, Promise.allSettled(sheets.map((p) => fetch(p.value).then((r) => r.arrayBuffer())))]);
}

async function apply(patches) {
  await prefetch(patches);
  const x = scrollX, y = scrollY;
  for (const p of patches) operations[p.op](find(p), p);
  if (scrollX !== x || scrollY !== y) scrollTo({ left: x, top: y, behavior: "instant" });
}

// ---- files without a hash in their name

async function swap(links) {
  const stamp = Date.now().toString(36);
  for (const link of links) {
    const fresh = link + (link.includes("?") ? "&" : "?") + "ddc=" + stamp;
    for (const e of document.querySelectorAll("link[href], img[src], source[src]")) {
      const name = e.localName === "link" ? "href" : "src";
      if (plain(e.getAttribute(name)) !== link) continue;
      if (e.rel === "stylesheet") await fetch(fresh).catch(() => {});
      e.setAttribute(name, fresh);
    }
  }
}

// ---- faults

let overlay;

const looks = `
:host { all: initial; position: fixed; inset: auto 0 0 0; max-height: 60vh; overflow: auto; z-index: 2147483647; display: block;
  background: #1d1f24; color: #e8e8e8; border-top: 4px solid #e5484d; font: 14px/1.5 ui-monospace, monospace; }
section { padding: .75rem 1rem; border-bottom: 1px solid #333; white-space: pre-wrap; overflow-wrap: anywhere; }
b { color: #ff9592; } .place { color: #9ecbff; } .mark { color: #ff6369; } .hint { color: #8dd6a5; }
button { position: sticky; top: .5rem; float: right; margin: .5rem; font: inherit; color: inherit; background: #333; border: 0; border-radius: 4px; cursor: pointer; }
`;

function line(kind, text) {
  const e = document.createElement("div");
  e.className = kind;
  e.textContent = text;
  return e;
}

function excerptOf(fault) {
  const text = fault.excerpt.text.replaceAll("\t", " ");
  const before = " ".repeat(Math.max(0, (fault.col || 1) - fault.excerpt.col));
  const lines = [line("source", `${fault.line} | ${text}`)];
  if (fault.col) lines.push(line("mark", " ".repeat(`${fault.line} | `.length) + before + "^".repeat(Math.max(1, fault.length || 1))));
  return lines;
}

function showFaults(faults) {
  overlay?.remove();
  overlay = undefined;
  if (!faults.length) return;
  overlay = document.createElement("ddc-faults");
  ours.add(overlay);
  const root = overlay.attachShadow({ mode: "open" });
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(looks);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Without looks it can still be read.
  }
  const away = document.createElement("button");
  away.textContent = "hide";
  away.onclick = () => overlay?.remove();
  root.append(away);
  for (const fault of faults) {
    const box = document.createElement("section");
    const place = [fault.file, fault.line, fault.col].filter(Boolean).join(":");
    if (place) box.append(line("place", place));
    const message = document.createElement("b");
    message.textContent = fault.message;
    box.append(message);
    if (fault.excerpt) box.append(...excerptOf(fault));
    if (fault.hint) box.append(line("hint", "hint: " + fault.hint));
    if (fault.files?.length > 1) box.append(line("place", "also " + fault.files.slice(1, 4).join(", ") + (fault.files.length > 4 ? ", .." : "")));
    if (fault.page) box.append(line("place", "on " + fault.page + (fault.pages > 1 ? ` and ${fault.pages - 1} more` : "")));
    root.append(box);
  }
  document.documentElement.append(overlay);
}

// ---- dead links

let marked = [];
const deadLooks = new CSSStyleSheet();
deadLooks.replaceSync("[data-dead] { text-decoration: underline wavy #e5484d; }");

function showDead(dead) {
  for (const a of marked) a.removeAttribute("data-dead");
  const known = new Set(dead);
  marked = [...document.querySelectorAll("a[href], area[href]")].filter((a) => known.has(a.getAttribute("href")));
  for (const a of marked) a.setAttribute("data-dead", a.getAttribute("href"));
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== deadLooks).concat(marked.length ? [deadLooks] : []);
}

// ---- the connection

let socket;
let pause = 250;
let working = Promise.resolve();

function say() {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(page));
}

async function take(update) {
  if (update.reload) return location.reload();
  try {
    showDead([]); // patches find the links as the site has them
    if (update.patches) await apply(update.patches);
    if (update.swap) await swap(update.swap);
    page.hash = update.hash;
    showFaults(update.faults ?? []);
    showDead(update.dead ?? []);
    dispatchEvent(new CustomEvent("ddc:updated", { detail: update }));
  } catch (problem) {
    console.info("ddc: the page is loaded again:", problem.message);
    location.reload();
  }
}

function connect() {
  const address = new URL("live", import.meta.url);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.onopen = () => {
    pause = 250;
    say();
  };
  socket.onmessage = (message) => {
    working = working.then(() => take(JSON.parse(message.data)));
  };
  socket.onclose = () => {
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, 5000);
  };
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) working = working.then(say);
});
showFaults(first.faults);
showDead(first.dead);
connect();
