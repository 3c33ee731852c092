// The page: its parts, its languages, and what happens when.
// All addresses are relative: behind Home Assistant's ingress the page lives under a prefix of its own.

import { attribute, hideToast, make, set, show, toast, ui } from "./dom.js";
import { showNow } from "./now.js";
import { code, follow, hasToken, isLocked, keep, onNews, signIn, state } from "./server.js";
import { refreshSpeak, showSpeak } from "./speak.js";
import { file, language, LANGUAGES, speak, t, translate } from "./words.js";

const CLOCK_MS = 1000;
const DAY = { light: "not all", dark: "all", system: "(prefers-color-scheme: dark)" };

/** The parts that are fetched when they are first opened. */
const LATER = ["voices", "memory", "home", "settings"];
const parts = { speak: { show: showSpeak } };
let view = "speak";
/** Made anew, a slider that is dragged would stop. */
let isDragged = false;

function render(what) {
  const locked = isLocked();
  document.body.classList.toggle("locked", locked);
  showGate(locked);
  if (locked || isDragged) return;
  showNow();
  show(ui.now, view === "speak" || !["ready", "idle"].includes(state.kind));
  parts[view]?.show(what);
}

function showGate(locked) {
  if (!locked && !ui.gate.hidden) ui.main.focus();
  const opens = locked && ui.gate.hidden;
  show(ui.gate, locked);
  if (!opens) return;
  closeDialogs();
  ui.token.focus();
}

/** A dialog whose part is hidden would still keep everything else from being pressed. */
const closeDialogs = () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());

function route() {
  const asked = location.hash.slice(1);
  view = asked === "speak" || LATER.includes(asked) ? asked : "speak";
  closeDialogs();
  for (const part of document.querySelectorAll("[data-view]")) show(part, part.dataset.view === view);
  for (const link of ui.tabs.children) attribute(link, "aria-current", link.hash === `#${view}` ? "page" : null);
  render();
  if (!parts[view]) open(view);
}

let look = null;

/** Fetch the look of the parts, once. */
function dress() {
  look ??= new Promise((onload, onerror) => { document.head.append(make("link", { rel: "stylesheet", href: "parts.css", onload, onerror })); });
  return look.catch(() => { look = null; });
}

/** Fetch a part: its look, its elements, and then its code. */
async function open(name) {
  const place = document.querySelector(`[data-view=${name}]`);
  parts[name] = { show() {} };
  // Nothing can be pressed whose code has not come yet.
  place.inert = true;
  try {
    const [response] = await Promise.all([file(`${name}.html`), dress()]);
    place.innerHTML = await response.text();
    translate(place);
    parts[name] = await code(name);
  } catch {
    delete parts[name];
    place.replaceChildren(make("section.card.wide", make("p", { role: "alert" }, t("The server can't be reached.")), make("div.row", make("button", { onclick: route }, t("Try again now")))));
  }
  place.inert = false;
  render();
}

async function chooseLanguage() {
  const { value } = ui.lang;
  try {
    if (!await speak(value)) return;
    keep("language", value);
    render();
    refreshSpeak();
  } catch {
    ui.lang.value = language;
    toast(t("The server can't be reached."));
  }
}

function chooseTheme(name) {
  ui.dark.media = DAY[name] ?? DAY.system;
  setTimeout(() => { refreshSpeak(); parts[view]?.show(); }, 100);
}

ui.gate.addEventListener("submit", (event) => {
  event.preventDefault();
  set(ui.gateError, "");
  signIn(ui.token.value, ui.remember.checked);
});
onNews((what) => {
  if (what === "info" && isLocked() && hasToken()) set(ui.gateError, t("That is not the token."));
  render(what);
});
window.addEventListener("hashchange", route);
ui.lang.addEventListener("change", chooseLanguage);
ui.theme.addEventListener("click", () => {
  const [dark, light] = ["dark", "light"];
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const order = isDark ? ["system", light, dark] : ["system", dark, light];
  const next = order[(order.indexOf(keep("theme") ?? "system") + 1) % order.length];
  keep("theme", next);
  chooseTheme(next);
});
document.addEventListener("click", (event) => {
  const from = event.target.closest("[data-copy]")?.dataset.copy;
  if (from) code("copy").then(({ copy }) => copy(ui[from].textContent)).catch(({ message }) => toast(message));
});
// A file that is dropped beside its place would be opened instead of the page.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !ui.toast.hidden) hideToast();
});
document.addEventListener("pointerdown", ({ target, button }) => { isDragged = button === 0 && target.type === "range"; });
for (const kind of ["pointerup", "pointercancel"]) {
  document.addEventListener(kind, () => {
    if (isDragged) setTimeout(render);
    isDragged = false;
  });
}
// Clocks go on between two news.
setInterval(() => { if (!document.hidden && state.info) render("clock"); }, CLOCK_MS);

matchMedia(DAY.system).addEventListener("change", () => chooseTheme(keep("theme")));
chooseTheme(keep("theme"));
const spoken = [keep("language"), ...navigator.languages.map((code) => code.slice(0, 2))];
await speak(spoken.find((code) => LANGUAGES.includes(code)) ?? "en").catch(() => speak("en"));
document.querySelector("header").inert = false;
route();
follow();
