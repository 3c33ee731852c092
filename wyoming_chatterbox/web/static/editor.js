// A new voice: what the browser can decode is checked, cut, and sent as WAV; the rest is sent as it is.

import { checks, choices, set, show, toast, ui } from "./dom.js";
import { player } from "./player.js";
import { Recorder } from "./recorder.js";
import { state } from "./server.js";
import { decode, draw, RATE, wav } from "./sound.js";
import { language, languageName, number, seconds, t } from "./words.js";

const MOST_SECONDS = 15;
const GOOD_SECONDS = 6;
const RECORD_SECONDS = 30;
const SHORTEST_SELECTION = 0.5;
/** Decoded, a recording is many times as large. */
const MOST_DECODED_BYTES = 20e6;
const FRAME = 480;
/** dB of full scale: speech below them is too quiet, or rather so. */
const TOO_QUIET = -45;
const QUIET = -38;
/** dB between speech and what is heard in its pauses. */
const NOISY = 18;
const CLIPPED_AT = 0.985;
const CLIPPED_SHARE = 0.001;

let clip = null;
let file = null;
let recorder = null;
let heard = null;
let save = null;
let usable = false;
let isSaving = false;
/** Ends with the dialog: what was begun in it and comes later is left out. */
let visit = new AbortController();
/** The latest sound that is to be decoded. */
let latest = null;

/** Say why the page can't record; empty if it can. */
export function whyNoMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
    return t("Over http, browsers don't let a page record. Record with another program, or with the phone's recorder, and choose the file here.");
  }
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  if (policy && !policy.allowsFeature("microphone")) {
    return t("Inside Home Assistant, the page may not use the microphone. Record with another program, or with the phone's recorder, and choose the file here.");
  }
  return "";
}

function open(name, onSave) {
  leave();
  [clip, file, save, usable, isSaving, visit] = [null, null, onSave, false, false, new AbortController()];
  set(ui.keep, t("Save the voice"));
  for (const part of [ui.recorder, ui.trim, ui.unheard]) show(part, false);
  for (const part of [ui.refusal, ui.unheard]) set(part, "");
  ui.name.value = name;
  ui.consent.checked = false;
  const codes = [...new Set((state.voices?.voices ?? []).flatMap((voice) => voice.languages))];
  const spoken = [...new Set([...codes, language])].map((code) => [code, languageName(code)]).sort((a, b) => a[1].localeCompare(b[1]));
  choices(ui.tongue, [["", t("not said")], ...spoken], "");
  ui.tongue.value = "";
  check();
  ui.editor.showModal();
}

/** Begin with a file that somebody chose or dropped; the voice has the name of that file, or of the one it replaces. */
export async function editFile(chosen, onSave, replaced) {
  const { name } = chosen;
  open((replaced ?? name).replace(/^.*\/|\.[^.]*$/g, ""), onSave);
  let why = chosen.size > MOST_DECODED_BYTES ? t("{name} is long: the server takes its best part.", { name }) : "";
  const { signal } = visit;
  try {
    if (!why) await use(await chosen.arrayBuffer());
  } catch {
    why = t("This browser can't play {name}. The server reads more formats: save it, and the server says what it found.", { name });
  }
  if (signal.aborted) return;
  if (why) {
    file = chosen;
    usable = true;
    set(ui.unheard, why);
    show(ui.unheard, true);
  }
  (why ? ui.name : ui.hear).focus();
  check();
}

/** Begin with the microphone. */
export async function editRecording(onSave) {
  open("", onSave);
  const { signal } = visit;
  show(ui.recorder, true);
  set(ui.rec, t("Record"));
  set(ui.recTime, seconds(0.001).replace(/^\S+/, "0"));
  recorder = new Recorder((peak, time) => {
    ui.level.style.transform = `scaleX(${Math.min(1, Math.sqrt(peak)).toFixed(3)})`;
    ui.level.classList.toggle("hot", peak > CLIPPED_AT);
    if (time) set(ui.recTime, `${number(time)} s`);
  });
  ui.rec.disabled = true;
  try {
    await recorder.open();
    if (signal.aborted) return;
    ui.rec.disabled = false;
    ui.rec.focus();
  } catch {
    if (signal.aborted) return;
    ui.editor.close();
    toast(t("The browser doesn't allow the microphone. Record with another program, and choose the file here."));
  }
}

async function toggleRecording() {
  if (recorder.isRecording) {
    recorder.stop();
    return;
  }
  const { signal } = visit;
  show(ui.trim, false);
  heard?.stop();
  usable = false;
  latest = null;
  check();
  set(ui.refusal, "");
  set(ui.rec, t("Stop"));
  try {
    const data = await recorder.record(RECORD_SECONDS);
    // The next one may have begun.
    if (signal.aborted || recorder.isRecording) return;
    set(ui.rec, t("Record again"));
    await use(data);
  } catch {
    if (signal.aborted || recorder.isRecording) return;
    set(ui.rec, t("Record again"));
    set(ui.refusal, t("Nothing was recorded."));
  }
}

/** Show a recording, unless another one has begun before it was decoded. */
async function use(data) {
  latest = data;
  const decoded = await decode(data);
  if (latest !== data) return;
  clip = decoded;
  const [from, to] = voiced(clip);
  for (const range of [ui.from, ui.to]) range.max = clip.length / RATE;
  ui.from.value = from;
  ui.to.value = Math.min(to, from + MOST_SECONDS);
  show(ui.trim, true);
  judge();
}

const begin = () => Number(ui.from.value);
const end = () => Number(ui.to.value);
const selection = () => clip.subarray(Math.floor(begin() * RATE), Math.floor(end() * RATE));

/** The loudness of each 20 ms. */
function levels(samples) {
  const found = [];
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
    let power = 0;
    for (let i = at; i < at + FRAME; i += 1) power += samples[i] ** 2;
    found.push(Math.sqrt(power / FRAME));
  }
  return found;
}

/** Seconds at which the voice begins and ends. */
function voiced(samples) {
  const loud = levels(samples);
  const [whole, frame] = [samples.length / RATE, FRAME / RATE];
  const floor = 0.1 * loud.reduce((most, level) => Math.max(most, level), 0);
  const first = loud.findIndex((level) => level > floor);
  const last = loud.length - 1 - [...loud].reverse().findIndex((level) => level > floor);
  return first < 0 ? [0, whole] : [Math.max(0, first * frame - 0.1), Math.min(whole, last * frame + 0.25)];
}

function examine(samples) {
  const loud = levels(samples).sort((a, b) => a - b);
  const decibels = (place) => 20 * Math.log10(Math.max(loud[Math.floor(loud.length * place)] ?? 0, 1e-6));
  let clipped = 0;
  for (const sample of samples) if (Math.abs(sample) > CLIPPED_AT) clipped += 1;
  return { speech: decibels(0.8), noise: decibels(0.05), clipped: clipped / samples.length };
}

function judge() {
  const whole = clip.length / RATE;
  if (end() < begin() + SHORTEST_SELECTION) {
    if (document.activeElement === ui.from) ui.from.value = end() - SHORTEST_SELECTION;
    else ui.to.value = begin() + SHORTEST_SELECTION;
  }
  const { speech, noise, clipped } = examine(selection());
  const n = number(end() - begin());
  const need = state.info?.limits?.shortest_recording ?? 5;
  const rows = [
    end() - begin() <= need ? ["no", t("{n} s long: it must be longer than {need} s", { n, need: number(need) })]
      : end() - begin() < GOOD_SECONDS ? ["warn", t("{n} s long: six to fifteen are better", { n })]
        : ["yes", t("{n} s long: that is enough", { n })],
    speech < TOO_QUIET ? ["no", t("Too quiet: go nearer to the microphone")]
      : speech < QUIET ? ["warn", t("Rather quiet: go nearer to the microphone")] : ["yes", t("Loud enough")],
    clipped > CLIPPED_SHARE ? ["warn", t("Distorted: speak more softly, or further away")] : ["yes", t("Not distorted")],
    speech - noise < NOISY ? ["warn", t("There is noise, music or an echo behind the voice")] : ["yes", t("Quiet around the voice")],
  ];
  checks(ui.verdicts, rows);
  set(ui.span, `${number(begin())} – ${number(end())} s`);
  for (const range of [ui.from, ui.to]) range.ariaValueText = `${number(Number(range.value))} s`;
  draw(ui.clip, clip, clip.length, 1, begin() / whole, end() / whole);
  usable = rows.every(([kind]) => kind !== "no");
  check();
}

const check = () => { ui.keep.disabled = isSaving || !usable || !ui.name.value.trim() || !ui.consent.checked; };

async function hear() {
  if (heard) {
    heard.stop();
    return;
  }
  const cut = new AbortController();
  let source = null;
  const mine = heard = { stop: () => {
    cut.abort();
    source?.stop();
    if (heard !== mine) return;
    heard = null;
    set(ui.hear, t("Play the selection"));
  } };
  set(ui.hear, t("Stop"));
  source = await player.beside(selection(), cut.signal);
  if (source) source.onended = mine.stop;
  else mine.stop();
}

async function keepVoice(event) {
  event.preventDefault();
  const { signal } = visit;
  const name = ui.name.value.trim();
  const saving = (is) => {
    isSaving = is;
    set(ui.keep, is ? t("Saving …") : t("Save the voice"));
    check();
  };
  set(ui.refusal, "");
  saving(true);
  try {
    await save(file ?? wav(selection()), { name, language: ui.tongue.value, consent: "true" }, signal);
    if (!signal.aborted) ui.editor.close();
  } catch ({ message, param }) {
    if (signal.aborted) return;
    saving(false);
    set(ui.refusal, message);
    (param === "name" ? ui.name : ui.keep).focus();
  }
}

function leave() {
  visit.abort();
  recorder?.close();
  heard?.stop();
  recorder = latest = null;
}

ui.edit.addEventListener("submit", keepVoice);
ui.edit.addEventListener("input", ({ target }) => {
  if (target === ui.from || target === ui.to) judge();
  check();
});
ui.hear.addEventListener("click", hear);
// The other half of a double click would end what the first began, or begin anew.
ui.rec.addEventListener("click", ({ detail }) => { if (detail <= 1) toggleRecording(); });
ui.cancel.addEventListener("click", () => ui.editor.close());
ui.editor.addEventListener("close", () => { if (!ui.editor.open) leave(); });
