"use strict";
// The page: what is looked at stands in the fragment of its address, so that "back" works.

const FACETS = ["task", "source", "split", "finding", "view", "language", "license"];
const PAGE = 50;
const SHOWN = 12; // values of a facet that are shown before "more"
const ABSENT = "The corpus holds no pictures; join them by this name";

const main = document.getElementById("main");
const notice = document.getElementById("notice");
const box = document.getElementById("text");
let about = null;
let state = { page: "rows", query: new URLSearchParams() };
let found = { found: 0, done: false };
let asked = 0; // so that a late answer does not overwrite a newer one
let view = null; // the row that is shown
const opened = new Set(["task", "source", "split", "finding"]);
const longer = new Set();

async function ask(path, query = new URLSearchParams()) {
  const text = query.toString();
  const response = await fetch(`api/${path}${text ? `?${text}` : ""}`);
  const told = await response.json();
  if (!response.ok) throw new Error(told.error || response.statusText);
  return told;
}

function read() {
  const [page, text = ""] = location.hash.slice(1).split("?", 2);
  state = { page: page || "rows", query: new URLSearchParams(text) };
}

function address(page, query) {
  const text = query.toString();
  return `#${page}${text ? `?${text}` : ""}`;
}

function go(page, query, replace = false) {
  const next = address(page, query);
  if (replace) {
    history.replaceState(null, "", next);
    read();
    render();
  } else if (location.hash === next) render();
  else location.hash = next;
}

/** The choice of rows in a query, without the place in it. */
function chosen(query = state.query) {
  const kept = new URLSearchParams();
  for (const [name, value] of query) {
    if (FACETS.includes(name) || (name === "text" && value)) kept.append(name, value);
  }
  return kept;
}

function at(query, name, number) {
  const placed = new URLSearchParams(query);
  if (number) placed.set(name, number);
  return placed;
}

function number(name) {
  return Math.max(0, Number.parseInt(state.query.get(name) || "0", 10) || 0);
}

async function render() {
  const mine = ++asked;
  notice.hidden = true;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.dataset.page === state.page || (link.dataset.page === "rows" && state.page === "row");
    link.toggleAttribute("aria-current", here);
  }
  if (document.activeElement !== box) box.value = state.query.get("text") || "";
  const draw = { rows: rowsPage, row: rowPage, funnel: accountsPage, rejects: accountsPage }[state.page] || rowsPage;
  try {
    await draw(() => mine === asked);
  } catch (error) {
    if (mine === asked) fail(error);
  }
}

function fail(error) {
  notice.textContent = error instanceof TypeError ? "The program that serves this page does not answer; is it still running?" : error.message;
  notice.hidden = false;
}

// The list

async function rowsPage(current) {
  const query = chosen();
  const start = number("start");
  main.classList.add("waiting");
  const page = await ask("rows", at(query, "start", start));
  if (!current()) return;
  main.classList.remove("waiting");
  found = page;
  view = null;
  if (!main.querySelector(".list")) {
    main.replaceChildren(el("aside", { id: "facets", "aria-label": "Filters" }), el("section", { class: "list" }));
    main.className = "browse";
  }
  list(page, query);
  document.title = `${about.name}: rows`;
  const counts = await ask("facets", query);
  if (current()) facets(counts, query);
  while (!found.done && current()) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const more = await ask("rows", at(query, "start", start));
    if (!current()) return;
    found = more;
    if (more.rows.length !== main.querySelectorAll("tbody tr").length) list(more, query);
    else main.querySelector(".toolbar").replaceWith(toolbar(more, query));
  }
}

function list(page, query) {
  const table = page.rows.length
    ? tableOf(["", "task", "question", "answer", "source", "split"],
      page.rows.map((row, index) => line(row, page.start + index, query)), "rows")
    : el("p", { class: "nothing", text: page.found ? "There are no further rows." : page.done ? "No row matches." : "Searching …" });
  main.querySelector(".list").replaceChildren(toolbar(page, query), chosenChips(query), table);
  select(main.querySelector("tbody tr"), false);
}

function toolbar(page, query) {
  const last = page.start + page.rows.length;
  const more = page.done ? "" : " so far, searching …";
  const to = (start) => () => go("rows", at(query, "start", start));
  return el("div", { class: "toolbar" },
    el("b", { class: "found", text: `${many(page.found, "row")}${more}` }),
    el("span", { class: "gap" }),
    el("button", { type: "button", text: "By chance", title: "A row by chance (r)", disabled: !page.found, on: { click: chance } }),
    el("form", { class: "jump", on: { submit: (event) => {
      event.preventDefault();
      const wanted = Number.parseInt(event.target.elements[0].value.replaceAll(",", ""), 10);
      if (wanted > 0) go("rows", at(query, "start", Math.min(wanted, Math.max(found.found, 1)) - 1));
    } } }, el("input", { inputmode: "numeric", placeholder: "go to row", "aria-label": "Go to row", size: 9 })),
    el("span", { class: "range", text: page.rows.length ? `${count(page.start + 1)} – ${count(last)}` : "" }),
    el("button", { type: "button", text: "‹", "aria-label": "Page before", disabled: !page.start, on: { click: to(Math.max(0, page.start - PAGE)) } }),
    el("button", { type: "button", text: "›", "aria-label": "Next page", disabled: page.done && last >= page.found, on: { click: to(last) } }));
}

function chosenChips(query) {
  const chips = [...query].map(([name, value]) =>
    el("button", { type: "button", class: "chip", title: "Take away", on: { click: () => {
      const left = new URLSearchParams();
      for (const [key, held] of query) if (key !== name || held !== value) left.append(key, held);
      go("rows", left);
    } } }, el("span", { class: "quiet", text: name === "text" ? "search" : name }), " ", el("bdi", { text: valueName(name, value) }), " ×"));
  return chips.length ? el("div", { class: "chips" }, chips) : "";
}

function line(row, index, query) {
  const pictures = Array.from({ length: Math.min(row.pictures, 2) }, (_, which) => about.images === "none"
    ? el("span", { class: "no-thumb" })
    : el("img", { class: "thumb", loading: "lazy", alt: "", src: `thumb/${row.file}/${row.row}/${which}`,
      on: { error: (event) => event.target.replaceWith(el("span", { class: "no-thumb" })) } }));
  const link = address("row", at(query, "number", index));
  return el("tr", { data: { number: index }, on: { click: (event) => {
    if (!event.target.closest("a") && !getSelection().toString()) location.hash = link;
  } } },
    el("td", { class: "thumbs" }, el("div", {}, pictures, row.pictures > 2 ? el("span", { class: "quiet", text: `+${row.pictures - 2}` }) : null)),
    el("td", { class: "task" }, el("a", { href: link, text: words(row.task) }),
      el("div", { class: "quiet", text: [row.pictures ? many(row.pictures, "picture") : "text only", row.regions ? many(row.regions, "region") : ""].filter(Boolean).join(" · ") })),
    el("td", {}, el("div", { class: "excerpt", dir: "auto", text: unmarked(row.instruction) })),
    el("td", {}, el("div", { class: "excerpt", dir: "auto", text: unmarked(row.response) })),
    el("td", { class: "key", text: row.source }),
    el("td", {}, chip(row.split, `split ${row.split}`)));
}

/** A text without the marks of a dialect. */
function unmarked(text) {
  return text.split(MARKS).filter((_, index) => index % 2 === 0).filter((part) => part.trim()).join(" ");
}

function select(line, scroll = true) {
  for (const other of main.querySelectorAll("tr.selected")) other.classList.remove("selected");
  if (!line) return;
  line.classList.add("selected");
  if (scroll) line.scrollIntoView({ block: "nearest" });
}

function valueName(facet, value) {
  if (value) return facet === "finding" || facet === "task" ? words(value) : value;
  return facet === "view" ? "unknown" : "none";
}

function facets(counts, query) {
  const bar = document.getElementById("facets");
  if (!bar) return;
  const scrolled = bar.scrollTop;
  bar.replaceChildren(...FACETS.map((facet) => {
    const held = new Set(query.getAll(facet));
    const values = Object.entries(counts[facet]);
    for (const value of held) if (!(value in counts[facet])) values.push([value, 0]);
    values.sort((a, b) => held.has(b[0]) - held.has(a[0]) || b[1] - a[1] || a[0].localeCompare(b[0]));
    const cut = longer.has(facet) ? values : values.slice(0, Math.max(SHOWN, held.size));
    const rest = values.length - cut.length;
    return el("details", { open: opened.has(facet) || held.size > 0, on: { toggle: (event) => {
      if (event.target.open) opened.add(facet); else opened.delete(facet);
    } } },
      el("summary", {}, facet, el("span", { class: "quiet", text: count(values.length) })),
      el("div", { class: "values" }, cut.map(([value, rows]) => el("label", { class: rows ? null : "none" },
        el("input", { type: "checkbox", checked: held.has(value), on: { change: (event) => choose(facet, value, event.target.checked) } }),
        el("bdi", { class: "value", text: valueName(facet, value), title: value }), el("span", { class: "quiet", text: count(rows) }))),
      rest > 0 ? el("button", { type: "button", class: "link", text: `${rest} more`, on: { click: () => { longer.add(facet); facets(counts, query); } } }) : null));
  }), query.get("text") ? el("p", { class: "quiet note", text: "Counts are without the search." }) : "");
  bar.scrollTop = scrolled;
}

function choose(facet, value, wanted) {
  const query = new URLSearchParams();
  for (const [name, held] of chosen()) if (name !== facet || held !== value) query.append(name, held);
  if (wanted) query.append(facet, value);
  go("rows", query);
}

async function chance() {
  const query = chosen();
  if (state.page !== "row" && state.page !== "rows") return;
  if (found.found) go("row", at(query, "number", Math.floor(Math.random() * found.found)));
}

// One row

const ahead = new Map(); // number -> what was asked for before it is shown

function fetched(query, which) {
  const key = `${query} ${which}`;
  if (!ahead.has(key)) {
    const coming = ask("row", at(query, "number", which)).then((one) => {
      const pictures = one.detail.row.image_ids.map((_, index) => pictureOf(one, index)).filter(Boolean);
      return { one, images: pictures.map((src) => Object.assign(new Image(), { src })) };
    });
    coming.catch(() => ahead.delete(key));
    ahead.set(key, coming);
    if (ahead.size > 6) ahead.delete(ahead.keys().next().value);
  }
  return ahead.get(key);
}

function pictureOf(one, index) {
  return about.images === "none" ? null : `picture/${one.place[0]}/${one.place[1]}/${index}`;
}

async function rowPage(current) {
  const query = chosen();
  const which = number("number");
  main.classList.add("waiting");
  let one;
  try {
    ({ one } = await fetched(query, which));
  } finally {
    if (current()) main.classList.remove("waiting");
  }
  if (!current()) return;
  found = one;
  view = example(one.detail, (index) => pictureOf(one, index), ABSENT);
  main.className = "one";
  main.replaceChildren(rowBar(one, query), view);
  main.scrollTop = 0;
  document.title = `${about.name}: ${one.detail.row.task} ${which + 1}`;
  if (!one.done || which + 1 < one.found) fetched(query, which + 1).catch(() => {});
  if (which) fetched(query, which - 1).catch(() => {});
}

function rowBar(one, query) {
  const last = one.done && one.number + 1 >= one.found;
  return el("div", { class: "toolbar" },
    el("a", { class: "button", href: address("rows", at(query, "start", one.number - one.number % PAGE)), text: "‹ List", title: "Back to the list (Esc)" }),
    el("b", { class: "found", text: `Row ${count(one.number + 1)} of ${count(one.found)}${one.done ? "" : "+"}` }),
    chosenChips(query),
    el("span", { class: "gap" }),
    el("button", { type: "button", text: "By chance", title: "A row by chance (r)", on: { click: chance } }),
    el("button", { type: "button", text: "‹ Before", title: "Row before (k)", disabled: !one.number, on: { click: () => step(-1) } }),
    el("button", { type: "button", text: "Next ›", title: "Next row (j)", disabled: last, on: { click: () => step(1) } }));
}

function step(by) {
  if (state.page === "row") {
    const next = number("number") + by;
    if (next < 0 || (found.done && next >= found.found)) return;
    go("row", at(chosen(), "number", next), true);
  } else if (state.page === "rows") {
    const lines = [...main.querySelectorAll("tbody tr")];
    const now = lines.findIndex((line) => line.classList.contains("selected"));
    const next = now + by;
    if (next >= 0 && next < lines.length) select(lines[next]);
    else if (next >= lines.length && !(found.done && found.start + lines.length >= found.found)) go("rows", at(chosen(), "start", found.start + lines.length));
    else if (next < 0 && found.start) go("rows", at(chosen(), "start", Math.max(0, found.start - PAGE)));
  }
}

// Accounts

async function accountsPage(current) {
  const page = state.page;
  const names = page === "funnel" ? ["task", "source", "split"] : ["source", "reason", "start"];
  const picked = Object.fromEntries(names.map((name) => [name, state.query.get(name) || ""]));
  const data = await ask(page, page === "funnel" ? undefined : state.query);
  if (!current()) return;
  view = null;
  const choose = (next) => go(page, new URLSearchParams(Object.entries(next).filter(([, value]) => value)));
  main.className = "accounts-page";
  const scrolled = main.querySelector(".kinds")?.scrollTop || 0;
  main.replaceChildren((page === "funnel" ? funnelPage : rejectsPage)(data, picked, choose));
  main.querySelector(".kinds")?.scrollTo(0, scrolled);
  document.title = `${about.name}: ${page}`;
}

// Keys and the rest of the frame

function keyed(event) {
  if (document.getElementById("keys").open) return;
  const typing = event.target.matches("input:not([type=checkbox]):not([type=range]), textarea, select");
  if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (state.page === "row") go("rows", at(chosen(), "start", number("number") - number("number") % PAGE));
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
  const inRow = (change) => () => { if (view) { change(); applyLook(view); } };
  const does = {
    "/": () => { box.focus(); box.select(); },
    "?": () => document.getElementById("keys").showModal(),
    j: () => step(1), k: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1),
    ArrowDown: state.page === "rows" ? () => step(1) : null, ArrowUp: state.page === "rows" ? () => step(-1) : null,
    Enter: state.page === "rows" && event.target === document.body ? () => main.querySelector("tr.selected a")?.click() : null,
    b: inRow(() => { look.boxes = !look.boxes; }), n: inRow(() => { look.names = !look.names; }),
    i: inRow(() => { look.invert = !look.invert; }), 0: () => { if (view) resetLook(view); },
    r: chance, t: () => theme(),
  }[event.key];
  if (does) {
    event.preventDefault();
    does();
  }
}

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = chosen();
  query.delete("text");
  if (box.value.trim()) query.set("text", box.value.trim());
  box.blur();
  go("rows", query);
});
box.addEventListener("search", () => { if (!box.value && state.query.get("text")) box.form.requestSubmit(); });
document.getElementById("theme").addEventListener("click", () => theme());
document.getElementById("help").addEventListener("click", () => document.getElementById("keys").showModal());
document.addEventListener("keydown", keyed);
window.addEventListener("hashchange", () => { read(); render(); });

async function begin() {
  const stored = storedTheme();
  if (stored) theme(stored);
  read();
  try {
    about = await ask("about");
  } catch (error) {
    fail(error);
    return;
  }
  document.getElementById("brand").replaceChildren(el("b", { text: about.name }), " ",
    el("span", { class: "quiet", text: `${about.version} · ${many(about.rows, "row")}` }));
  await render();
}

begin();
