"use strict";
// One row: its pictures with their regions, its texts, and where it comes from.

/** How pictures are looked at; kept from one row to the next. */
const look = { boxes: true, names: true, invert: false, brightness: 100, contrast: 100 };

/**
 * The row as an element.
 * @param {object} detail as the server's Detail
 * @param {(number: number) => string|null} source address of a picture; null: it is not there
 * @param {string} absent what is said where a picture is not there
 */
function example(detail, source, absent) {
  const row = detail.row;
  const view = el("article", { class: "example" });
  const figures = row.image_ids.map((name, number) =>
    figure(row, number, name, source(number), absent));
  const stage = el("section", { class: "stage", "aria-label": "Pictures" },
    el("div", { class: "figures", data: { count: figures.length } }, figures),
    figures.length ? tools(view) : null,
    legend(row));
  if (!figures.length) stage.classList.add("bare");
  view.append(stage, texts(detail));
  view.addEventListener("mouseover", (event) => point(view, event.target));
  view.addEventListener("focusin", (event) => point(view, event.target));
  view.addEventListener("mouseleave", () => point(view, null));
  applyLook(view);
  return view;
}

/** Marks what belongs to the region under the pointer: its outline, its text and its name. */
function point(view, target) {
  const marked = target && target.closest ? target.closest("[data-regions]") : null;
  const numbers = new Set(marked ? marked.dataset.regions.split(" ").filter(Boolean) : []);
  for (const node of view.querySelectorAll("[data-regions]")) {
    const mine = node.dataset.regions.split(" ").some((number) => numbers.has(number));
    node.classList.toggle("pointed", mine);
  }
  view.classList.toggle("pointing", numbers.size > 0);
}

/** Shows the pictures of a row as `look` says. */
function applyLook(view) {
  view.classList.toggle("no-boxes", !look.boxes);
  view.classList.toggle("no-names", !look.names);
  const filters = [`brightness(${look.brightness}%)`, `contrast(${look.contrast}%)`];
  if (look.invert) filters.unshift("invert(1)");
  view.style.setProperty("--look", filters.join(" "));
  for (const input of view.querySelectorAll(".tools [name]")) {
    if (input.type === "checkbox") input.checked = look[input.name];
    else input.value = look[input.name];
  }
  for (const told of view.querySelectorAll(".tools output")) {
    told.textContent = `${look[told.dataset.of]} %`;
  }
}

function resetLook(view) {
  Object.assign(look, { invert: false, brightness: 100, contrast: 100 });
  applyLook(view);
  for (const frame of view.querySelectorAll(".frame")) frame.dispatchEvent(new Event("whole"));
}

function tools(view) {
  const check = (name, label) => el("label", {},
    el("input", { type: "checkbox", name, on: { change: (event) => {
      look[name] = event.target.checked;
      applyLook(view);
    } } }), label);
  const slider = (name, label) => el("label", { class: "slider" }, el("span", { text: label }),
    el("input", { type: "range", name, min: 20, max: 300, step: 5, on: { input: (event) => {
      look[name] = Number(event.target.value);
      applyLook(view);
    } } }), el("output", { data: { of: name } }));
  return el("div", { class: "tools" },
    check("boxes", "Boxes"), check("names", "Names"), check("invert", "Invert"),
    slider("brightness", "Brightness"), slider("contrast", "Contrast"),
    el("button", { type: "button", text: "Reset", title: "Zoom, brightness, contrast (0)",
      on: { click: () => resetLook(view) } }));
}

function regionName(region) {
  return region.phrase || (region.label ? words(region.label) : "no name");
}

function figure(row, number, name, address, absent) {
  const regions = row.regions.map((region, index) => [region, index])
    .filter(([region]) => region.image === number);
  const where = row.metadata.views && row.metadata.views[number];
  const size = el("span", { class: "size" });
  const caption = el("figcaption", {},
    el("span", { class: "ordinal", text: row.image_ids.length > 1 ? `${number + 1}` : "" }),
    el("span", { class: "view", text: where || "view unknown" }),
    el("bdi", { class: "name", text: name, title: name }), size);
  if (address === null) {
    return el("figure", {}, el("div", { class: "frame absent", text: absent }), caption);
  }
  const image = el("img", { src: address, alt: `Picture ${number + 1}`, draggable: "false" });
  const plane = el("div", { class: "plane" }, image, overlay(regions),
    el("div", { class: "names" }, regions.map(([region, index]) => {
      const label = el("span", { class: `label ${region.role}`, text: regionName(region),
        dir: "auto", data: { regions: String(index) } });
      label.style.left = `${100 * region.x1}%`;
      label.style.top = `${100 * region.y1}%`;
      if (region.y1 < 0.06) label.classList.add("inside");
      if (region.x1 > 0.6) {
        label.classList.add("leftward");
        label.style.left = `${100 * region.x2}%`;
      }
      return label;
    })));
  const frame = el("div", { class: "frame" }, plane);
  image.addEventListener("load", () => {
    size.textContent = `${image.naturalWidth} × ${image.naturalHeight}`;
    frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
  });
  image.addEventListener("error", () => {
    frame.replaceChildren(absent || "the picture cannot be shown");
    frame.classList.add("absent");
  });
  zoomable(frame, plane);
  return el("figure", {}, frame, caption);
}

/** Boxes and outlines over a picture; coordinates are parts of its sides. */
function overlay(regions) {
  return svg("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    regions.map(([region, index]) => {
      const box = svg("rect", { class: region.rings.length ? "around" : "box", x: region.x1,
        y: region.y1, width: region.x2 - region.x1, height: region.y2 - region.y1 });
      const outline = region.rings.length
        ? svg("path", { class: "outline", d: region.rings.map(ringPath).join(" ") }) : null;
      return svg("g", { class: region.role, data: { regions: String(index) } }, box, outline);
    }));
}

function ringPath(ring) {
  const points = [];
  for (let at = 0; at + 1 < ring.length; at += 2) {
    points.push(`${Number(ring[at])} ${Number(ring[at + 1])}`);
  }
  return points.length ? `M${points.join("L")}Z` : "";
}

/** Wheel zooms at the pointer, drag moves, double click shows all again. */
function zoomable(frame, plane) {
  let scale = 1, x = 0, y = 0, held = null;
  const show = () => {
    const { width, height } = frame.getBoundingClientRect();
    x = Math.min(0, Math.max(x, width * (1 - scale)));
    y = Math.min(0, Math.max(y, height * (1 - scale)));
    plane.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    plane.style.setProperty("--scale", scale);
    frame.classList.toggle("zoomed", scale > 1);
  };
  const whole = () => { scale = 1; show(); };
  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    const next = Math.min(16, Math.max(1, scale * Math.exp(-event.deltaY / 400)));
    const [atX, atY] = [event.clientX - box.left, event.clientY - box.top];
    x = atX - (atX - x) * next / scale;
    y = atY - (atY - y) * next / scale;
    scale = next;
    show();
  }, { passive: false });
  frame.addEventListener("pointerdown", (event) => {
    if (scale === 1) return;
    held = [event.clientX - x, event.clientY - y];
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    if (!held) return;
    [x, y] = [event.clientX - held[0], event.clientY - held[1]];
    show();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    frame.addEventListener(end, () => { held = null; });
  }
  frame.addEventListener("dblclick", whole);
  frame.addEventListener("whole", whole);
}

function legend(row) {
  if (!row.regions.length) return null;
  return el("ol", { class: "legend" }, row.regions.map((region, index) =>
    el("li", { class: region.role, tabindex: 0, data: { regions: String(index) } },
      el("span", { class: "swatch" }),
      el("bdi", { class: "what", text: regionName(region) }),
      el("span", { class: "quiet", text: [
        region.phrase && region.label ? words(region.label) : "",
        row.image_ids.length > 1 ? `picture ${region.image + 1}` : "",
        region.role === "question" ? "asked about" : "answer",
        region.rings.length ? "outline" : "box",
        `${shown(region.x1)}, ${shown(region.y1)} – ${shown(region.x2)}, ${shown(region.y2)}`,
      ].filter(Boolean).join(" · ") }))));
}

function shown(part) {
  return part.toFixed(3);
}

/** A text cut at its boxes. */
function piecewise(pieces, regions) {
  return pieces.map((piece) => {
    if (!piece.box) return document.createTextNode(piece.text);
    const numbers = piece.regions || [];
    const role = numbers.length ? regions[numbers[0]].role : "unknown";
    return el("mark", { class: `boxed ${role}`, tabindex: numbers.length ? 0 : null,
      data: { regions: numbers.join(" ") },
      title: numbers.length ? null : "No region of the row has these numbers" },
    piece.text.split(MARKS).map((part, index) => index % 2 ? el("span", { class: "marks", text: part }) : part));
  });
}

/** The marks of a dialect, which are there for models and not for people. */
const MARKS = /(<\|\/?(?:ref|box)\|>)/;

function block(title, pieces, regions, extra = "") {
  const empty = !pieces.length;
  return el("section", { class: `block ${extra}` }, el("h3", { text: title }),
    el("div", { class: "text", dir: "auto" },
      empty ? el("span", { class: "quiet", text: "empty" }) : piecewise(pieces, regions)));
}

function texts(detail) {
  const row = detail.row;
  const column = el("section", { class: "texts", "aria-label": "Texts" });
  column.append(el("div", { class: "chips" },
    chip(words(row.task), "task"), chip(detail.split, `split ${detail.split}`),
    chip(row.source, "source"), chip(words(row.form), "form"), chip(row.language, "language"),
    chip(row.license, `license ${row.license}`, "how the release is to be had"),
    chip(`redistribution: ${row.redistribution}`, `redistribution ${row.redistribution}`)));
  detail.history.forEach((turn, number) => {
    const which = detail.history.length > 1 ? ` ${number + 1}` : "";
    column.append(block(`Earlier question${which}`, turn.question, row.regions, "earlier"));
    column.append(block(`Earlier answer${which}`, turn.answer, row.regions, "earlier answer"));
  });
  column.append(block("Question", detail.instruction, row.regions, "question"));
  if (detail.options.length) {
    column.append(el("section", { class: "block" }, el("h3", { text: "Options" }),
      el("ul", { class: "options" }, detail.options.map((option) =>
        el("li", { class: option.right ? "right" : "" },
          el("span", { class: "tick", text: option.right ? "✓" : "",
            "aria-label": option.right ? "right" : null }),
          option.label ? el("b", { text: option.label }) : null,
          el("bdi", { text: option.text }))))));
  }
  column.append(block("Answer", detail.response, row.regions, "answer"));
  const others = row.answers.filter((answer) => answer !== row.response);
  if (others.length && !detail.options.length) {
    column.append(el("section", { class: "block" }, el("h3", { text: "Accepted answers" }),
      el("ul", { class: "answers" }, row.answers.map((answer) =>
        el("li", {}, el("bdi", { text: answer }))))));
  }
  column.append(facts(detail));
  return column;
}

function chip(text, kind, title = null) {
  return el("span", { class: `chip ${kind}`, text, title });
}

function facts(detail) {
  const row = detail.row;
  const known = [
    ["id", row.id], ["study", row.study_id], ["origin", row.origin], ["template", row.template],
    ["patient", row.patient], ["file", detail.file],
    ...Object.entries(row.metadata || {}).filter(([name]) => name !== "views" && name !== "attributes")
      .map(([name, value]) => [words(name), value]),
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  const list = el("dl", { class: "facts" }, known.map(([name, value]) =>
    [el("dt", { text: name }), el("dd", {}, el("bdi", { text: String(value) }))]));
  const told = row.metadata && row.metadata.attributes;
  if (told) {
    list.append(el("dt", { text: "attributes" }), el("dd", {}, el("pre", { text: pretty(told) })));
  }
  return el("section", { class: "block" }, el("h3", { text: "Where it comes from" }), list);
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
