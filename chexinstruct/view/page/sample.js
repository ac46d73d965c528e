"use strict";
// A page of some rows that stand in it.

function samplePage(data) {
  const licenses = Object.entries(data.licenses).map(([name, rows]) => `${name}: ${count(rows)}`).join(", ");
  const free = data.redistribution.every((value) => value === "yes");
  const rows = data.rows.map((row) => ({ row, node: el("section", { class: "sampled" }) }));
  const told = el("b", { class: "found" });
  const pick = (label, value) => el("label", {}, label, " ", el("select", { name: label, on: { change: show } },
    el("option", { value: "", text: "all" }),
    [...new Set(data.rows.map(value))].sort().map((name) => el("option", { value: name, text: words(name) }))));
  const task = pick("task", (row) => row.detail.row.task);
  const source = pick("source", (row) => row.detail.row.source);
  const watched = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) draw(rows.find((item) => item.node === target));
  }, { rootMargin: "1000px" });

  function draw(item) {
    if (item.node.childElementCount) return;
    item.node.append(example(item.row.detail, (number) => {
      const name = item.row.pictures[number];
      return name === null ? null : data.pictures[name];
    }, "The corpus holds no such picture"));
  }

  function show() {
    const [wanted, from] = [task, source].map((label) => label.querySelector("select").value);
    let shown = 0;
    for (const { row, node } of rows) {
      node.hidden = (wanted && row.detail.row.task !== wanted) || (from && row.detail.row.source !== from);
      shown += !node.hidden;
    }
    told.textContent = many(shown, "row");
  }

  document.body.append(
    el("header", {}, el("span", { id: "brand" }, el("b", { text: data.name }), " ", el("span", { class: "quiet", text: `${data.version} · sample` })),
      told, task, source, el("span", { class: "gap" }),
      el("button", { id: "theme", type: "button", "aria-label": "Light or dark", on: { click: () => theme() } })),
    el("main", {}, el("p", { class: `terms${free ? "" : " bound"}`, text: `Rows by license: ${licenses}. ${free
      ? "All of them may be passed on under the terms of their sources."
      : "Not all of them may be passed on: this file may only go where the corpus may."}${data.left_out
      ? ` ${many(data.left_out, "row")} did not fit into this file.` : ""}` }),
    rows.map((item) => item.node)));
  show();
  for (const { node } of rows) watched.observe(node);
  addEventListener("beforeprint", () => rows.forEach(draw));
  addEventListener("keydown", (event) => {
    if (event.target.matches("select, input")) return;
    const change = { b: () => { look.boxes = !look.boxes; }, n: () => { look.names = !look.names; }, i: () => { look.invert = !look.invert; } }[event.key];
    if (change) {
      change();
      document.querySelectorAll(".example").forEach(applyLook);
    } else if (event.key === "t") theme();
  });
}

const kept = storedTheme();
if (kept) theme(kept);
samplePage(JSON.parse(document.getElementById("data").textContent));
