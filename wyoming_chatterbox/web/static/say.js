// Speaking: a text becomes sound, which is heard while it is made, and can be heard again.

import { attribute, fill, make, set, show, ui } from "./dom.js";
import { player } from "./player.js";
import { ENGINE, get, REPLY, send, STANDBY, state } from "./server.js";
import { draw, RATE, Take, wav } from "./sound.js";
import { clock, duration, isolated, number, seconds, t } from "./words.js";

const CHARACTERS_PER_SECOND = 14;
const MOST_TAKES = 10;
/** Samples below which there was nothing to hear. */
const FAINT = RATE / 5;
const PLAY = "M8 5v14l11-7z";
const PAUSE = "M6 5h4v14H6zM14 5h4v14h-4z";

const takes = [];
/** The take that is being made, and the one that is shown. */
let making = null;
let current = null;

/** Send a request for speech, of a voice that people call `name`; called from a press, or the browser keeps it silent. */
export async function say(request, name) {
  const take = new Take(request.input, name);
  if (!take.text) {
    ui.text.focus();
    return;
  }
  making?.stop.abort();
  making = current = take;
  set(ui.outcome, t("Waiting for the first sound …"));
  for (const part of [ui.save, ui.figures]) show(part, false);
  show(ui.player, true);
  play(take);
  try {
    const response = await send("v1/audio/speech", request, "POST", take.stop.signal);
    await read(take, response).catch((error) => { throw error.name === "AbortError" ? error : new Error(t("The server broke off: the rest is missing.")); });
    take.note = await standbyNote(response, take).catch(() => "");
  } catch (error) {
    take.note = error.name === "AbortError" ? t("Stopped.") : explain(error);
  }
  finish(take);
}

async function read(take, response) {
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (take.first === null && making === take) set(ui.outcome, t("Speaking, while the rest is still being made."));
    take.add(part.value);
    if (player.take === take) player.feed();
  }
}

/** Say what the standby voice said of a reply; empty if that is nothing. */
async function standbyNote({ headers }, { count }) {
  if (headers.get(ENGINE) === STANDBY) {
    return count < FAINT ? t("There was nothing to hear: the standby voice speaks only English.") : t("The standby voice said this, not Chatterbox.");
  }
  const { recent } = await get("info");
  const reply = recent.find(({ id }) => String(id) === headers.get(REPLY));
  return reply?.engine === STANDBY ? t("Chatterbox broke off: the standby voice said the rest.") : "";
}

const explain = ({ code, message }) => (code === "unspeakable-text" && state.info?.status.speaking === STANDBY
  ? t("The standby voice can't say this: it speaks only English.") : message);

function finish(take) {
  take.isDone = true;
  take.made = take.seconds;
  if (player.take === take) player.feed();
  if (take.count) {
    takes.unshift(take);
    for (const old of takes.splice(MOST_TAKES)) URL.revokeObjectURL(old.url);
    take.url = URL.createObjectURL(wav(take.sound));
    take.number = (takes[1]?.number ?? 0) + 1;
    listTakes();
  }
  if (making === take) making = null;
  if (current === take) showFigures(take);
}

function stop() {
  making?.stop.abort();
  if (player.isPlaying) player.toggle();
}

function showFigures(take) {
  set(ui.outcome, take.note);
  show(ui.save, Boolean(take.url));
  show(ui.figures, take.count > 0);
  if (!take.url) return;
  ui.save.href = take.url;
  ui.save.download = fileName(take);
  const waits = take.waits ? `${number(take.waits, 0)} (${seconds(take.waited)})` : t("none");
  const rows = [[t("First sound"), seconds(take.first)], [t("Length"), seconds(take.length)], [t("Made in"), seconds(take.made)],
    [t("Speed"), t("{n} × real time", { n: number(take.length / take.made) })], [t("Gaps in the sound"), waits]];
  fill(ui.figures, rows, ([what]) => what, (row) => make("div", make("dt", row[0]), make("dd", row[1])));
}

const fileName = ({ voice: name, text }) => `${`${name}-${text}`.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 50)}.wav`;

function listTakes() {
  show(ui.noTakes, takes.length === 0);
  const byNumber = (id) => takes.find((take) => take.number === id);
  fill(ui.takes, takes.map(({ number: id, text, voice: name, length, first }) => ({ id, text, name, length, first })), ({ id }) => id, ({ id, text, name, length, first }) => make("li",
    make("span.line", { title: text, dir: "auto" }, text),
    make("button.plain", { ariaLabel: `${t("Play")}: ${text.slice(0, 40)}`, onclick: () => hear(byNumber(id)) }, t("Play")),
    make("a.button.plain", { href: byNumber(id).url, download: fileName(byNumber(id)), ariaLabel: `WAV: ${text.slice(0, 40)}` }, "WAV"),
    make("span.quiet.below", `${isolated(name)} · ${seconds(length)} · ${t("first sound after {time}", { time: seconds(first) })}`)));
}

function hear(take) {
  current = take;
  show(ui.player, true);
  play(take);
  showFigures(take);
}

// What moves while there is sound

let frame = 0;

function animate() {
  cancelAnimationFrame(frame);
  const take = current;
  if (!take || ui.player.hidden) return;
  if (player.take === take) player.feed();
  const at = player.take === take ? player.position : 0;
  const total = take.isDone ? take.count : Math.max(1.02 * take.count, (take.text.length / CHARACTERS_PER_SECOND) * RATE);
  draw(ui.wave, take.sound, total, (at * RATE) / total);
  const isWaiting = !take.isDone && take.waits > 0 && at === take.length;
  set(ui.clock, take.count ? `${clock(at)} / ${clock(take.length)}${isWaiting ? " …" : ""}` : duration(take.seconds));
  attribute(ui.wave, "aria-valuemax", Math.floor(take.length));
  attribute(ui.wave, "aria-valuenow", Math.floor(at));
  attribute(ui.wave, "aria-valuetext", clock(at));
  const isPlaying = player.take === take && player.isPlaying;
  attribute(ui.playIcon, "d", isPlaying ? PAUSE : PLAY);
  attribute(ui.play, "aria-label", isPlaying ? t("Pause") : t("Play"));
  const isBusy = making === take || (isPlaying && take === takes[0]);
  set(ui.go, isBusy ? t("Stop") : t("Speak"));
  if (take.isDone && take.waits && !ui.figures.hidden && take.isHeard) showFigures(take);
  if (isBusy || isPlaying) frame = requestAnimationFrame(animate);
}

/** Draw and name anew what was heard. */
export function refresh() {
  listTakes();
  if (current?.isDone) showFigures(current);
  animate();
}

/** The button: it speaks as `say` does, and stops what it began. */
export function press(request, name) {
  if (making || (player.isPlaying && current === takes[0])) stop();
  else say(request, name);
  animate();
}

/** Play a take from so many seconds on. */
function play(take, from = 0) {
  animate();
  player.play(take, Math.max(0, Math.min(from, take.length)));
}

player.onChange = animate;
ui.play.addEventListener("click", () => {
  if (player.take === current) player.toggle();
  else play(current);
});
ui.wave.addEventListener("click", (event) => play(current, (event.offsetX / ui.wave.clientWidth) * current.length));
ui.wave.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity }[event.key];
  if (!step || !current) return;
  event.preventDefault();
  play(current, (player.take === current ? player.position : 0) + step);
});
