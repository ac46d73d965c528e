"use strict";
// Elements are made here and nowhere else. Text of the corpus only ever becomes text nodes and
// attribute values, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Properties: class, text, data (an object), on (events by name), others attributes. */
function el(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** An element of a drawing. */
function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.setAttribute("class", value);
    else if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** A whole number with commas. */
function count(number) {
  return number.toLocaleString("en-US");
}

/** "1 row", "2 rows". */
function many(number, what) {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** A key of the corpus as words. */
function words(key) {
  return key.replaceAll("_", " ");
}

/** Sets the theme; without a name, changes from one to the other. It is all that a browser keeps. */
function theme(name) {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  const now = root.dataset.theme || dark;
  root.dataset.theme = name || (now === "dark" ? "light" : "dark");
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // A page opened as a file may have no storage.
  }
}

function storedTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}
