// Words: English is in the HTML and in the code, and is the key to the other languages in words/.

import { ui } from "./dom.js";

export const LANGUAGES = ["en", "de", "fr", "es"];
export let language = "en";
let words = {};
const originals = new Map();

/** Words from right to left, in a way that leaves the order of those around them alone. */
export const isolated = (text) => (/[\u0590-\u08ff]/.test(text) ? `\u2068${text}\u2069` : text);

/** Say an English text in the page's language: {name} is replaced. */
export const t = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (all, name) => isolated(values[name] ?? all));

/** Mark a text that is said later, by `t`. */
export const later = (text) => text;

/** Note what HTML says in English; an element inside a text is {0}, {1}, ... */
function collect(root) {
  for (const element of root.querySelectorAll("*:not([translate=no], [translate=no] *)")) {
    const nodes = [...element.childNodes];
    const parts = nodes.filter((node) => node.nodeType === Node.ELEMENT_NODE);
    const texts = nodes.map((node) => (node.nodeType === Node.TEXT_NODE ? node.data : `{${parts.indexOf(node)}}`));
    const text = texts.join("").replace(/\s+/g, " ").trim();
    const key = /\p{L}/u.test(text.replace(/\{\d\}/g, "")) && !element.closest("code") ? text : null;
    const attributes = ["aria-label", "placeholder"].filter((name) => element.hasAttribute(name))
      .map((name) => [name, element.getAttribute(name)]);
    if (key || attributes.length) originals.set(element, { key, parts, attributes });
  }
}

function put() {
  for (const [element, { key, parts, attributes }] of originals) {
    for (const [name, text] of attributes) element.setAttribute(name, t(text));
    if (!key) continue;
    const pieces = t(key).split(/(\{\d\})/).filter(Boolean);
    element.replaceChildren(...pieces.map((piece) => (/^\{\d\}$/.test(piece) ? parts[piece[1]] : piece)));
  }
}

/** Put new elements, which are in English, into the page's language. */
export function translate(root) {
  collect(root);
  if (language !== "en") put();
}

/** Fetch a file of the page. Throws `Error` if it does not come. */
export async function file(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

let wanted = "en";

/** Change the page's language; false if another was wished for meanwhile. Throws `Error` if its words don't come. */
export async function speak(code) {
  wanted = code;
  const fetched = code === "en" ? {} : await (await file(`words/${code}.json`)).json();
  if (code !== wanted) return false;
  if (!originals.size) collect(document.body);
  const changes = code !== language;
  words = fetched;
  language = code;
  document.documentElement.lang = code;
  ui.lang.value = code;
  if (changes) put();
  return true;
}

// Numbers, as the language writes them.

export const number = (value, digits = 1) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
export const size = (bytes) => (bytes >= 1e9 ? `${number(bytes / 1e9)} GB` : `${number(bytes / 1e6, 0)} MB`);
export const share = (part, whole) => t("{a} of {b}", { a: size(part), b: size(whole) });
export const seconds = (value) => (value < 1 ? `${number(1000 * value, 0)} ms` : `${number(value)} s`);
export const clock = (value) => `${Math.floor(value / 60)}:${String(Math.floor(value % 60)).padStart(2, "0")}`;
export const percent = (part) => `${Math.floor(100 * part)} %`;

export function duration(value) {
  if (value < 90) return `${Math.ceil(value)} s`;
  return value < 5400 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

export const time = (unix) => new Date(1000 * unix).toLocaleTimeString(language, { timeStyle: "short" });

export function languageName(code) {
  try {
    return new Intl.DisplayNames([language], { type: "language" }).of(code);
  } catch {
    return code;
  }
}

/** End a sentence of the server with a full stop. */
export const sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1).replace(/\.+$/, "")}.` : "");
