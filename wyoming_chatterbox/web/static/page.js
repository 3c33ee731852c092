"use strict";

// All addresses are relative: behind Home Assistant's ingress the page lives under a prefix of its own.

const element = (id) => document.getElementById(id);
// The page asks again every two seconds: it writes only what is new, or selections and announcements would suffer.
const set = (target, property, value) => { if (target[property] !== value) target[property] = value; };
const text = (id, value) => set(element(id), "textContent", value ?? "");
const show = (id, shown) => set(element(id), "hidden", !shown);

let token = sessionStorage.getItem("token") ?? "";
let polling = 0;

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers });
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const message = answer?.error?.message ?? `The server answered ${response.status}`;
  if (response.status === 401) askForToken();
  throw new Error(message);
}

function post(path, content, signal) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(content), signal });
}

function askForToken() {
  text("sign-in-reason", token ? "This token is wrong: enter the one of --http-token." : "Enter the token that this server was started with (--http-token).");
  if (element("sign-in").hidden) {
    lock(true);
    element("token").focus();
  }
}

function lock(locked) {
  set(document.body, "className", locked ? "locked" : "");
  show("sign-in", locked);
}

element("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = element("token").value.trim();
  sessionStorage.setItem("token", token);
  poll();
});

async function poll() {
  clearTimeout(polling);
  let pause = 2000;
  try {
    const [info, memory] = await Promise.all([ask("info"), ask("memory")].map(async (got) => (await got).json()));
    lock(false);
    showState(info);
    showVoices(info);
    showMemory(memory);
    showReplies(info);
    if (info.status.state === "downloading") pause = 500;
  } catch (error) {
    lamp("bad", "The server does not answer");
    for (const id of ["hint", "reason"]) text(id, "");
    text("detail", error instanceof TypeError ? "It may be restarting. This page keeps trying." : error.message);
    show("download", false);
    pause = 5000;
  }
  if (!document.hidden) polling = setTimeout(poll, pause);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });

function lamp(kind, headline) {
  set(element("lamp"), "className", kind);
  text("headline", headline);
}

function showState({ version, status, engine, uptime_seconds }) {
  text("version", `${version} · up ${duration(uptime_seconds)}`);
  const failed = status.state === "failed";
  const standby = engine?.name === "standby";
  if (engine && !standby) lamp("good", "Chatterbox is ready");
  else if (status.state === "idle") lamp("good", "Idle");
  else if (engine) lamp(failed ? "bad" : "busy", "Standby voice in use");
  else lamp(failed ? "bad" : "busy", failed ? "No voice available" : "No voice available yet");
  if (failed) {
    text("detail", `Chatterbox can't speak: ${sentence(status.error)}`);
    text("hint", status.hint);
    // While it hangs, nobody knows.
    text("reason", status.retry_in_seconds === null ? "" : `Next attempt in ${duration(status.retry_in_seconds)}.`);
  } else if (engine && !standby) {
    const weights = engine.quantization === "none" ? "" : `, weights in ${engine.quantization}`;
    text("detail", `Model ${engine.name} on ${engine.device}, ${engine.dtype}${weights}.`);
    text("hint", "");
    text("reason", engine.reason ? `Reason: ${sentence(engine.reason)}` : "");
  } else if (status.state === "idle") {
    text("detail", sentence(capital(status.detail)));
    for (const id of ["hint", "reason"]) text(id, "");
  } else {
    text("detail", `Chatterbox is being prepared: ${sentence(status.detail)}`);
    text("hint", "");
    text("reason", status.error ? `The last attempt failed: ${sentence(status.error)}` : "");
  }
  showDownload(status.state === "downloading" ? status.progress : null);
}

function showDownload(progress) {
  show("download", Boolean(progress));
  if (!progress) return;
  const part = progress.bytes_total ? progress.bytes_done / progress.bytes_total : 0;
  set(element("bar"), "value", part);
  text("amount", `${Math.floor(100 * part)} %: ${size(progress.bytes_done)} of ${size(progress.bytes_total)}, `
    + `file: ${progress.file}`);
}

function showVoices({ voices, default_voice, broken_recordings, voices_directory, pronunciations }) {
  const languages = new Intl.DisplayNames(["en"], { type: "language" });
  fill(element("voices"), voices.map(({ name, language, recording }) => [name, item(
    "li", name, quiet(`${languages.of(language)}, ${recording ?? "the model's own"}`))]));
  const broken = Object.entries(broken_recordings);
  show("broken", broken.length > 0);
  fill(element("broken-list"), broken.map(([file, reason]) => [file, item("li", file, quiet(sentence(reason)))]));
  text("directory", voices_directory);
  text("pronunciations", sentence(pronunciations.trouble));
  const names = voices.map(({ name }) => name);
  const select = element("voice");
  if (select.dataset.names === names.join("\n")) return;
  select.dataset.names = names.join("\n");
  const chosen = select.value || default_voice;
  select.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
}

function showMemory({ process, host, engines, memory_info }) {
  const rows = [
    ["Used by this process", size(process.anonymous_bytes ?? process.rss_bytes)],
    ["Free on this machine", `${size(host.available_bytes)} of ${size(host.total_bytes)}`],
  ];
  for (const engine of engines) {
    if (engine.weights_bytes) rows.push([`Weights of ${engine.name}`, size(engine.weights_bytes)]);
    const device = engine.device_bytes;
    if (engine.kv_cache_bytes) rows.push([`KV cache of ${engine.name}`, size(engine.kv_cache_bytes)]);
    if (engine.voices) rows.push(["Prepared voices", `${engine.voices}, ${size(engine.voices_bytes)}`]);
    if (device.free !== undefined) rows.push([`Free on ${engine.device}`, `${size(device.free)} of ${size(device.total)}`]);
  }
  if (memory_info.gpu_memory_allocated_mb !== null) {
    rows.push(["GPU memory in use", `${Math.round(memory_info.gpu_memory_allocated_mb)} MB`]);
    rows.push(["Peak GPU memory", `${Math.round(memory_info.gpu_memory_max_allocated_mb)} MB`]);
  }
  fill(element("memory"), rows.flatMap(([what, how]) => [[`${what}?`, item("dt", what)], [what, item("dd", how)]]));
}

function showReplies({ recent, statistics }) {
  text("statistics", statistics.total_requests === 0 ? "No replies yet."
    : `${statistics.total_requests} since the server started: ${statistics.completed_requests} completed, `
      + `${statistics.error_requests} failed, ${statistics.cancelled_requests} cancelled; `
      + `${statistics.active} in progress.`);
  show("replies", recent.length > 0);
  fill(element("replies").tBodies[0], recent.map((reply) => {
    const first = reply.first_audio_seconds;
    const outcome = item("td", reply.outcome);
    if (!["done", "speaking", "cancelled"].includes(reply.outcome)) outcome.className = "wrong";
    return [`${reply.started} ${reply.client}`, item("tr",
      item("td", new Date(1000 * reply.started).toLocaleTimeString()),
      item("td", reply.voice),
      item("td", reply.engine ?? ""),
      outcome,
      number("first sound", first === null ? "" : `${Math.round(1000 * first)} ms`),
      number("sound", `${reply.audio_seconds.toFixed(1)} s`),
      item("td", reply.client))];
  }));
}

// Trying it: samples are played as they come.

let trial = null;

element("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  trial?.stop();
  const mine = trial = new Trial();
  outcome("Waiting for the first sound …");
  element("stop").disabled = false;
  showSaid(mine, element("text").value, element("voice").value);
  try {
    const length = await mine.run(element("text").value, element("voice").value);
    if (mine === trial) outcome(`First sound after ${mine.wait} ms; ${length.toFixed(1)} s in total.`);
  } catch (error) {
    if (mine === trial) outcome(error.name === "AbortError" ? "Stopped." : error.message, error.name !== "AbortError");
  }
  if (mine === trial) element("stop").disabled = true;
});

element("stop").addEventListener("click", () => trial?.stop());

function outcome(message, wrong = false) {
  text("outcome", message);
  set(element("outcome"), "className", wrong ? "quiet wrong" : "quiet");
}

// Numbers, dates and symbols are said as words: a person who wonders about a word sees which it was.
async function showSaid(mine, input, voice) {
  let said = [];
  try {
    ({ said } = await (await post("said", { input, voice: voice || undefined }, mine.abort.signal)).json());
  } catch {
    // Whoever asks for speech hears about the same error.
  }
  if (mine !== trial) return;
  fill(element("utterances"), said.map((utterance, index) => [String(index), item("li", utterance)]));
  show("said", said.length > 0);
}

class Trial {
  constructor() {
    this.abort = new AbortController();
    this.sound = new AudioContext({ sampleRate: 24000 });
    this.until = 0;
    this.rest = new Uint8Array(0);
  }

  stop() {
    this.abort.abort();
    this.close();
  }

  close() {
    if (this.sound.state !== "closed") this.sound.close();
  }

  async run(input, voice) {
    const begun = performance.now();
    let samples = 0;
    try {
      const wanted = { input, voice: voice || undefined, response_format: "pcm" };
      const response = await post("v1/audio/speech", wanted, this.abort.signal);
      const reader = response.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        if (samples === 0) this.wait = Math.round(performance.now() - begun);
        samples += this.play(part.value);
        if (this === trial) outcome(`First sound after ${this.wait} ms …`);
      }
      await this.silence();
    } finally {
      this.close();
    }
    return samples / this.sound.sampleRate;
  }

  play(bytes) {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    const count = Math.floor(all.length / 2);
    this.rest = all.slice(2 * count);
    if (count === 0) return 0;
    const view = new DataView(all.buffer);
    const buffer = this.sound.createBuffer(1, count, this.sound.sampleRate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < count; i += 1) samples[i] = view.getInt16(2 * i, true) / 32768;
    const source = new AudioBufferSourceNode(this.sound, { buffer });
    source.connect(this.sound.destination);
    this.until = Math.max(this.until, this.sound.currentTime + 0.03);
    source.start(this.until);
    this.until += buffer.duration;
    return count;
  }

  silence() {
    return new Promise((resolve, reject) => {
      setTimeout(resolve, 1000 * Math.max(0, this.until - this.sound.currentTime));
      this.abort.signal.addEventListener("abort", () => reject(this.abort.signal.reason));
    });
  }
}

// Words and numbers.

function item(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

function quiet(words) {
  const made = item("span", words);
  made.className = "quiet";
  return made;
}

function number(label, value) {
  const made = item("td", value);
  made.className = "number";
  made.dataset.label = label;
  return made;
}

// Give a list these entries, each with its key: an entry that was there before stays the same node.
function fill(list, entries) {
  const kept = new Map(Array.from(list.children, (child) => [child.dataset.key, child]));
  const wanted = new Map(entries);
  for (const [key, child] of kept) if (!wanted.has(key)) child.remove();
  let next = list.firstElementChild;
  for (const [key, made] of wanted) {
    made.dataset.key = key;
    const child = kept.get(key) ?? made;
    if (child !== made) correct(child, made);
    if (child === next) next = child.nextElementSibling;
    else list.insertBefore(child, next);
  }
}

// Make a node say what another one of its kind says.
function correct(node, model) {
  if (node.isEqualNode(model)) return;
  if (node.nodeType === Node.TEXT_NODE) node.data = model.data;
  else set(node, "className", model.className);
  node.childNodes.forEach((child, index) => correct(child, model.childNodes[index]));
}

function sentence(words) {
  return words ? `${words.replace(/\.+$/, "")}.` : "";
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function size(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

function duration(seconds) {
  if (seconds >= 5400) return `${Math.round(seconds / 3600)} h`;
  return seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.ceil(seconds ?? 0)} s`;
}

poll();
