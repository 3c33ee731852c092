// Memory: the last hour by part, and what each model would need.

import { settingToCopy } from "./copy.js";
import { attribute, fill, make, onPress, set, show as reveal, ui } from "./dom.js";
import { deviceMemory } from "./now.js";
import { look, send, state } from "./server.js";
import { later, share, size, t } from "./words.js";

const HOUR = 3600;
const [LEFT, TOP, BOTTOM, HEIGHT] = [56, 10, 178, 200];
const LINES = 4;
/** Class, name, place in a point of the history. */
const SERIES = [["a", later("The whole server"), 1], ["b", later("On the graphics card"), 2], ["c", later("Weights"), 3], ["d", later("Caches"), 4]];
const FAMILIES = { nano: later("English, the smallest"), turbo: later("English, fast, with sounds such as [laugh]"), english: later("English, expressive"), multilingual: later("23 languages") };
/** Share of the room above which it is tight. */
const TIGHT = 0.8;

let chosen = null;

export function show(what) {
  if (!state.memory || what === "clock") return;
  plot();
  table();
}

function plot() {
  const { history } = state;
  const series = SERIES.filter(([, , place]) => history.some((point) => point[place]));
  const wide = ui.plot.clientWidth;
  if (!wide) return;
  const top = 1.1 * Math.max(1e8, ...history.flatMap((point) => series.map(([, , place]) => point[place] ?? 0)));
  const now = Date.now() / 1000;
  const x = (at) => LEFT + (wide - LEFT - 8) * (1 - (now - at) / HOUR);
  const y = (bytes) => BOTTOM - ((BOTTOM - TOP) * bytes) / top;
  attribute(ui.plot, "viewBox", `0 0 ${wide} ${HEIGHT}`);
  const power = 10 ** Math.floor(Math.log10(top / LINES));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= top / LINES);
  const scale = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => step * i);
  ui.plot.replaceChildren(
    ...scale.flatMap((bytes) => [make("svg:line", { x1: LEFT, x2: wide - 8, y1: y(bytes), y2: y(bytes) }), make("svg:text", { "x": LEFT - 6, "y": y(bytes) + 4, "text-anchor": "end" }, size(bytes))]),
    ...[60, 30, 0].map((ago, i) => make("svg:text", { "x": x(now - 60 * ago), "y": HEIGHT - 4, "text-anchor": ["start", "middle", "end"][i] }, ago ? t("{n} min ago", { n: ago }) : t("now"))),
    ...series.map(([kind, , place]) => make(`svg:polyline.${kind}`, { "stroke-width": 2, "points": history.filter((point) => typeof point[place] === "number").map((point) => `${x(point[0]).toFixed(1)},${y(point[place]).toFixed(1)}`).join(" ") })),
  );
  const latest = history.at(-1) ?? [];
  fill(ui.legend, series.map(([kind, name, place]) => [kind, `${t(name)}: ${size(latest[place] ?? 0)}`]), ([kind]) => kind,
    ([kind, text]) => make("li", make("svg:svg", { viewBox: "0 0 32 10" }, make(`svg:line.${kind}`, { x1: 0, x2: 32, y1: 5, y2: 5 })), make("span", text)));
}

function table() {
  const { needs, room, needs_for: where, host } = state.memory;
  if (!needs) return;
  const device = deviceMemory(state.memory);
  const free = where === "cuda" && device ? share(device.free, device.total) : share(host.available_bytes, host.total_bytes);
  const about = where === "cuda" ? t("Graphics memory that each model takes while it speaks, measured once.")
    : t("Memory that the server takes with each model while it speaks, measured once.");
  set(ui.room, room === null ? about : `${about} ${t("{room} can be used here, {free} are free.", { room: size(room), free })}`);
  const precisions = [...new Set(Object.values(needs).flatMap(Object.keys))];
  const engine = state.info?.engine;
  const used = engine && engine.name !== "standby" ? `${engine.name}/${engine.quantization === "none" ? engine.dtype : engine.quantization}` : null;
  fill(ui.precisions, [t("Model"), ...precisions], (text) => text, (text) => make("th", { scope: "col" }, text, text === "int4" ? make("small", t("experimental")) : null));
  fill(ui.fits, Object.entries(needs).map(([family, row]) => ({ family, row, room, used, chosen })), ({ family }) => family, ({ family, row }) => make("tr",
    make("th", { scope: "row" }, family, make("small", FAMILIES[family] ? t(FAMILIES[family]) : "")),
    precisions.map((precision) => make("td", row[precision] ? cell(family, precision, row[precision], room, used) : "–"))));
}

function cell(family, precision, bytes, room, used) {
  const key = `${family}/${precision}`;
  const [kind, text] = key === used ? ["good", t("in use")] : room === null ? ["quiet", ""] : bytes > room ? ["bad", t("too big")] : bytes > TIGHT * room ? ["busy", t("tight")] : ["good", t("fits")];
  const made = make("button", { ariaPressed: String(key === chosen), onclick: () => choose(key) }, make("span.num", size(bytes)), make(`small.${kind}`, text));
  made.dataset.do = key;
  return made;
}

function choose(key) {
  chosen = key;
  const [family, precision] = key.split("/");
  ui.choice.replaceChildren(...settingToCopy([["model", family], [precision.startsWith("int") ? "quantization" : "dtype", precision]]));
  reveal(ui.choice, true);
  table();
}

onPress(ui.free, async () => {
  set(ui.freed, "");
  const { freed } = await (await send("memory/cleanup")).json();
  const most = Math.max(0, ...Object.values(freed));
  set(ui.freed, t("{size} were freed.", { size: size(most) }));
  await look();
});
new ResizeObserver(() => state.memory && plot()).observe(ui.plot);
