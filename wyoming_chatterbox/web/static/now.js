// Now: one sentence about what is heard, why, and what comes next.

import { attribute, facts, fill, make, onPress, set, show, ui } from "./dom.js";
import { elapsed, send, state } from "./server.js";
import { duration, later, number, percent, seconds, sentence, share, size, t } from "./words.js";

const SAYS = {
  connecting: ["busy", later("Connecting"), later("Connecting to the server …")],
  refused: ["bad", later("No access"), later("This device may not use the server")],
  gone: ["bad", later("No answer"), later("The server does not answer")],
  ready: ["good", later("Ready"), later("You hear Chatterbox")],
  idle: ["good", later("Idle"), later("Idle: the next text wakes Chatterbox")],
  starting: ["busy", later("Starting"), later("You hear the standby voice: the server is starting")],
  downloading: ["busy", later("Downloading"), later("You hear the standby voice while Chatterbox is downloaded")],
  loading: ["busy", later("Loading"), later("You hear the standby voice while Chatterbox is loaded")],
  failed: ["bad", later("Standby voice"), later("You hear the standby voice: Chatterbox can't speak")],
};
const STEPS = ["starting", "downloading", "loading"];

let problems = null;

export function showNow() {
  const { info, kind } = state;
  const status = info?.status;
  let [mood, word, headline] = SAYS[kind] ?? SAYS.connecting;
  if (status?.speaking === "nobody" && STEPS.includes(kind)) headline = later("No voice available yet");
  else if (status?.speaking === "nobody" && kind === "failed") [word, headline] = [later("No voice"), later("No voice available")];
  const progress = kind === "downloading" ? status.progress : null;
  const part = progress?.bytes_total ? progress.bytes_done / progress.bytes_total : 0;
  const pill = progress ? percent(part) : t(word);
  set(ui.headline, t(headline));
  set(ui.now, `card now ${mood}`, "className");
  set(ui.pill, `pill ${mood}`, "className");
  set(ui.pillText, pill);
  set(document, `${pill} · Chatterbox`, "title");
  set(ui.announce, t(headline));
  set(ui.detail, detail(kind, info));
  showSteps(kind, progress, part);
  showHelp(kind, status);
  set(ui.why, kind === "ready" ? reason(info) : "");
  if (info) showFacts(info, state.memory);
}

function detail(kind, info) {
  switch (kind) {
    case "gone": return info ? t("It may be restarting. The page keeps trying; what is below may be out of date.") : t("It may be restarting. The page keeps trying.");
    case "refused": return state.refusal;
    case "ready": return t("Model {model} on {device}, in {precision}.", engineWords(info.engine));
    case "idle": return t("Its memory is free for others. The standby voice speaks the first text while Chatterbox is loaded again.");
    case "failed":
    case "connecting": return "";
    default: return info.status.speaking === "nobody" ? t("Chatterbox speaks as soon as it is loaded.")
      : t("Home Assistant already gets answers, in a small English voice. Chatterbox takes over by itself.");
  }
}

/** Name an engine's model, device and precision. */
export function engineWords({ name, device, dtype, quantization }) {
  const place = device === "cpu" ? t("the processor") : t("the graphics card ({device})", { device });
  return { model: name, device: place, precision: quantization === "none" ? dtype : quantization };
}

/** Why this precision, by the server's code; the values are `precision`, `wanted`, `before`, `needed` and `room`. */
const CARD = later("Reason: {precision} is the best for this graphics card, and it fits.");
const LESS = later("Reason: {wanted} needs {needed}, and there is room for {room}.");
const WHY = {
  "asked": later("Reason: the settings ask for it."),
  "cuda-fits": CARD,
  "mps-fits": CARD,
  "cpu-fits": later("Reason: {precision} is the best for a processor, and it fits."),
  "cuda-less": LESS,
  "mps-less": LESS,
  "cpu-less": LESS,
  "too-little": later("Reason: {wanted} needs {needed}, and there is room for {room}, which may be too little for {precision} too."),
  "ran-out": later("Reason: memory ran out in {before}."),
  "not-numbers": later("Reason: in {before}, this device computed no sound."),
  "unsupported": later("Reason: this device can't compute in {wanted}."),
};

function reason({ why, engine }) {
  const values = why?.values ?? {};
  const { needed_bytes: needed, room_bytes: room } = values;
  if (WHY[why?.code]) return t(WHY[why.code], { ...values, needed: needed && size(needed), room: room && size(room) });
  return engine?.reason ? t("Reason: {reason}", { reason: sentence(engine.reason) }) : "";
}

function showSteps(kind, progress, part) {
  const step = STEPS.indexOf(kind);
  show(ui.steps, step >= 0);
  [...ui.steps.children].forEach((item, i) => {
    set(item, i < step ? "done" : "", "className");
    attribute(item, "aria-current", i === step ? "step" : null);
  });
  show(ui.download, Boolean(progress));
  if (!progress) return;
  set(ui.bar, part, "value");
  const { bytes_done: done, bytes_total: total, rate, seconds_left: left, resumes_in_seconds: resumes, file } = progress;
  const words = [percent(part), total ? share(done, total) : size(done)];
  if (typeof resumes === "number") words.push(t("the connection broke; it goes on in {time}", { time: duration(Math.max(0, resumes - elapsed())) }));
  else {
    if (rate) words.push(`${size(rate)}/s`);
    if (typeof left === "number") words.push(t("{time} left", { time: duration(left) }));
  }
  if (file) words.push(file);
  set(ui.amount, words.join(" · "));
}

function showHelp(kind, status) {
  const failed = kind === "failed";
  show(ui.help, failed);
  if (!failed) return;
  if (!problems) {
    // Most pages never need these words.
    import("./problems.js").then((module) => { problems = module; showNow(); }, () => {});
  }
  const { cause, advice } = problems?.explain(status) ?? { cause: sentence(status.error), advice: [] };
  set(ui.detail, cause);
  fill(ui.advice, advice, (line) => line, (line) => make("li", line));
  const { code, values } = status.problem ?? {};
  const about = code ? `${code} ${JSON.stringify(values ?? {})}` : "";
  set(ui.technical, [`wyoming-chatterbox ${state.info.version}`, status.problem?.error ?? status.error, status.problem?.hint ?? status.hint, about].filter(Boolean).join("\n"));
  const left = status.retry_in_seconds;
  set(ui.retryIn, typeof left === "number" ? t("Next attempt in {time}", { time: duration(Math.max(0, left - elapsed())) }) : "");
}

function showFacts({ recent, voices, uptime_seconds: uptime, version }, memory) {
  const firsts = recent.filter(({ engine, first_audio_seconds: first }) => first !== null && engine !== "standby")
    .map((reply) => reply.first_audio_seconds).sort((a, b) => a - b);
  const device = deviceMemory(memory);
  const names = state.voices?.voices.length ?? voices.length;
  const rows = [
    memory && [t("Memory"), size(memory.process.anonymous_bytes ?? memory.process.rss_bytes)],
    memory && [t("Free on this machine"), share(memory.host.available_bytes, memory.host.total_bytes)],
    device && [t("Free on the graphics card"), share(device.free, device.total)],
    [t("Voices"), number(names, 0)],
    firsts.length && [t("First sound, usually"), seconds(firsts[firsts.length >> 1])],
    [t("Running for"), duration(uptime + elapsed())],
  ];
  facts(ui.facts, rows.filter(Boolean));
  set(ui.foot, `wyoming-chatterbox ${version}`);
}

/** The graphics card's bytes, `free` and `total`, if a model is on one. */
export const deviceMemory = (memory) => memory?.engines.map((engine) => engine.device_bytes).find((bytes) => bytes?.free !== undefined);

onPress(ui.retry, () => send("retry"));
