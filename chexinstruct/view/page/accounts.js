"use strict";
// What became of studies that are no rows, and of files and lines that could not be read.

const SPLIT_NAMES = ["train", "validation", "test"];

function total(counts) {
  return Object.values(counts).reduce((sum, number) => sum + number, 0);
}

function summed(into, counts) {
  for (const [name, number] of Object.entries(counts)) into[name] = (into[name] || 0) + number;
  return into;
}

/** Counts under reasons, the largest first. */
function reasons(counts, why = "") {
  const listed = Object.entries(counts).filter(([, n]) => n).sort((a, b) => b[1] - a[1]);
  return listed.map(([name, number]) =>
    el("span", { class: "reason", title: why }, words(name), el("b", { text: count(number) })));
}

function bar(part, whole, kind = "") {
  const fill = el("span", { class: `fill ${kind}` });
  fill.style.width = `${whole ? Math.max(100 * part / whole, part ? 0.5 : 0) : 0}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

function tableOf(head, rows, kind = "") {
  return el("div", { class: "scroll" }, el("table", { class: kind },
    el("thead", {}, el("tr", {}, head.map((name) =>
      el("th", { text: name.replace("#", ""), class: name.startsWith("#") ? "number" : null,
        scope: "col" })))),
    el("tbody", {}, rows)));
}

function cell(content, kind = null) {
  return typeof content === "number"
    ? el("td", { class: "number", text: count(content) })
    : el("td", { class: kind }, content);
}

/** The page of accounts; `chosen` has task, source and split, each a name or empty. */
function funnelPage(data, chosen, choose) {
  const lines = data.ledger.filter((line) => ["task", "source", "split"]
    .every((name) => !chosen[name] || line[name] === chosen[name]));
  const pick = (name, values) => el("label", {}, words(name), " ",
    el("select", { on: { change: (event) => choose({ ...chosen, [name]: event.target.value }) } },
      el("option", { value: "", text: "all" }), values.map((value) =>
        el("option", { value, text: value, selected: chosen[name] === value }))));
  const distinct = (name) => [...new Set(data.ledger.map((line) => line[name]))].sort();
  return el("div", { class: "page" },
    el("h1", { text: "From releases to rows" }),
    el("p", { class: "quiet", text: "Nothing is dropped in silence: what is no row is counted under a reason." +
      (data.filters ? " The corpus was filtered after its build: sources are accounted for as built." : "") }),
    el("h2", { text: "Sources" }), sourceTable(data.sources), publishedTable(data.sources),
    Object.keys(data.skipped_sources).length ? [el("h2", { text: "Left out" }), tableOf(["source", "reason"],
      Object.entries(data.skipped_sources).map(([key, why]) => el("tr", {}, cell(key), cell(why))))] : null,
    el("h2", { text: "Tasks" }),
    el("div", { class: "filters" }, pick("task", distinct("task")), pick("source", distinct("source")),
      pick("split", SPLIT_NAMES)),
    whole(lines), ledgerTable(lines),
    el("h2", { text: "People in several sources" }), sharedTable(data),
    data.mixture.length ? [el("h2", { text: "Mixture of train" }), tableOf(["part", "#weight", "#available", "#chosen"],
      data.mixture.map((share) => el("tr", {}, cell(share.name), el("td", { class: "number", text: share.weight }),
        cell(share.available), cell(share.chosen))))] : null);
}

function sourceTable(sources) {
  return tableOf(["source", "#studies", "#train", "#validation", "#test", "left out", "#pictures", "missing or bad", "rejected"],
    sources.map((account) => el("tr", {}, cell(account.source, "key"), cell(account.studies),
      SPLIT_NAMES.map((name) => cell(account.splits[name] || 0)),
      cell(reasons(account.left_out)), cell(account.pictures),
      cell(reasons(summed({ missing: account.missing_pictures }, account.bad_pictures))),
      cell([reasons(account.rejects), reasons(account.expected_rejects, "known to be wrong in the release")]))),
    "accounts");
}

/** What publishers and papers count, beside what was found. */
function publishedTable(sources) {
  const known = sources.flatMap((account) => account.expected.map((item) => [account.source, item]));
  if (!known.length) return null;
  return el("details", {}, el("summary", { text: `Published counts, and what was found: ${count(known.length)}` }),
    tableOf(["source", "what", "#published", "#found", "where it was published"], known.map(([key, item]) => {
      const differs = item.found !== null && item.found !== item.published;
      return el("tr", {}, cell(key, "key"), cell(item.what), cell(item.published),
        item.found === null ? cell("not counted", "number quiet") : el("td", { class: `number${differs ? " differs" : ""}`, text: count(item.found) }),
        cell(item.origin || ""));
    }), "accounts narrow"));
}

/** The sum of all lines as steps. */
function whole(lines) {
  const sum = (name) => lines.reduce((all, line) => all + line[name], 0);
  const steps = [
    ["studies asked", sum("studies"), "counted once for each task"], ["with what the task needs", sum("used"), ""],
    ["candidates", sum("candidates"), "questions that could be asked of them"],
    ["examples", sum("examples"), "after balance, caps, leaks and pictures"],
    ["rows", sum("rows"), "examples times phrasings"],
  ];
  const most = Math.max(...steps.map(([, number]) => number), 1);
  return el("ol", { class: "steps" }, steps.map(([name, number, note]) => el("li", {},
    el("span", { class: "step", text: name }), el("b", { text: count(number) }), bar(number, most),
    el("span", { class: "quiet", text: note }))));
}

function ledgerTable(lines) {
  const groups = new Map();
  for (const line of lines) {
    const key = `${line.task} ${line.source}`;
    const held = groups.get(key) || { task: line.task, source: line.source, studies: 0, used: 0, candidates: 0,
      examples: 0, rows: 0, study_reasons: {}, candidate_reasons: {} };
    for (const name of ["studies", "used", "candidates", "examples", "rows"]) held[name] += line[name];
    summed(held.study_reasons, line.study_reasons);
    summed(held.candidate_reasons, line.candidate_reasons);
    groups.set(key, held);
  }
  const empty = [...groups.values()].filter((line) => !line.rows);
  const full = [...groups.values()].filter((line) => line.rows);
  const table = (held) => tableOf(
    ["task", "source", "#studies", "#used", "studies left out", "#candidates", "#examples", "", "candidates left out", "#rows"],
    held.map((line) => el("tr", {},
      cell(words(line.task)), cell(line.source, "key"), cell(line.studies), cell(line.used), cell(reasons(line.study_reasons)),
      cell(line.candidates), cell(line.examples), cell(bar(line.examples, line.candidates)),
      cell(reasons(line.candidate_reasons)), cell(line.rows))), "accounts ledger");
  return [full.length ? table(full) : el("p", { class: "quiet", text: "No rows." }),
    empty.length ? el("details", {}, el("summary", { text: `${count(empty.length)} pairs of task and source without rows` }), table(empty)) : null];
}

function sharedTable(data) {
  if (!data.shared.length && !data.links.length) {
    return el("p", { class: "quiet", text: "No person is known to stand in several sources of this corpus." });
  }
  return [
    data.shared.length ? tableOf(["sources", "#people in both", "#by pixels alone", "#studies of the first", "#of the second", "left out of the first", "of the second", "#people on several sides"],
      data.shared.map((item) => el("tr", {}, cell(item.sources.join(" and "), "key"), cell(item.persons), cell(item.by_pixels),
        cell(item.studies[0]), cell(item.studies[1]),
        item.left_out.map((counts) => cell(reasons(counts))), cell(item.on_several_sides))), "accounts") : null,
    data.links.length ? tableOf(["pictures compared of", "#first", "#second", "#copies", "#equal in every pixel", "not compared of the first", "of the second"],
      data.links.map((link) => el("tr", {}, cell(link.sources.join(" and "), "key"), cell(link.compared[0]), cell(link.compared[1]),
        cell(link.matches), cell(link.equal), link.not_compared.map((counts) => cell(reasons(counts))))), "accounts") : null,
  ];
}

/** The page of rejects; `chosen` has source, reason and start. */
function rejectsPage(data, chosen, choose) {
  const kinds = tableOf(["source", "reason", "#count", ""], data.counts.map((kind) => {
    const mine = chosen.source === kind.source && chosen.reason === kind.reason;
    const toggle = mine ? { source: "", reason: "" } : { source: kind.source, reason: kind.reason };
    return el("tr", { class: mine ? "chosen" : null },
      cell(el("button", { type: "button", class: "link", text: kind.source, on: { click: () => choose({ source: kind.source }) } }), "key"),
      cell(el("button", { type: "button", class: "link", text: words(kind.reason), "aria-pressed": String(mine),
        on: { click: () => choose(toggle) } })),
      cell(kind.count), cell(kind.expected ? el("span", { class: "quiet", text: "known", title: "Known to be wrong in the release" }) : ""));
  }), "accounts");
  const last = data.start + data.items.length;
  return el("div", { class: "page" },
    el("h1", { text: "What could not be used" }),
    el("p", { class: "quiet", text: "Files and lines of the releases that were set aside. At most 10,000 of a source and reason are listed; the funnel has the full counts." }),
    el("div", { class: "beside" },
    data.counts.length ? el("div", { class: "kinds" }, kinds) : el("p", { text: "Nothing is listed." }),
    data.found ? el("div", { class: "items" },
      el("div", { class: "filters" }, el("span", { text: `${count(data.start + 1)} – ${count(last)} of ${count(data.found)}` }),
        chosen.reason || chosen.source ? el("button", { type: "button", text: "Show all", on: { click: () => choose({}) } }) : null,
        el("button", { type: "button", text: "Earlier", disabled: !data.start,
          on: { click: () => choose({ ...chosen, start: Math.max(0, data.start - 100) }) } }),
        el("button", { type: "button", text: "Later", disabled: last >= data.found,
          on: { click: () => choose({ ...chosen, start: last }) } })),
      tableOf(["source", "file", "#row", "reason", "detail"], data.items.map((item) => el("tr", {},
        cell(item.source, "key"), cell(el("bdi", { text: item.file }), "path"), item.row === null ? cell("") : cell(item.row),
        cell(words(item.reason)), cell(el("bdi", { text: item.detail })))), "accounts")) : null));
}
