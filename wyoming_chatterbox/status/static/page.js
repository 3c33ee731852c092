"use strict";

// All addresses are relative: behind Home Assistant's ingress the page lives under a prefix of its own.

const element = (id) => document.getElementById(id);
const text = (id, value) => { element(id).textContent = value ?? ""; };

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

function askForToken() {
  text("sign-in-reason", token ? "That was not the token of --http-token." : "This server was started with --http-token.");
  document.body.classList.add("locked");
  if (element("sign-in").hidden) {
    element("sign-in").hidden = false;
    element("token").focus();
  }
}

function unlock() {
  document.body.classList.remove("locked");
  element("sign-in").hidden = true;
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
    unlock();
    showState(info);
    showVoices(info);
    showMemory(memory);
    showReplies(info);
    if (info.status.state === "downloading") pause = 500;
  } catch (error) {
    lamp("bad", "The server gives no answer");
    for (const id of ["hint", "reason"]) text(id, "");
    text("detail", error instanceof TypeError ? "It may be starting afresh; this page goes on asking." : error.message);
    element("download").hidden = true;
    pause = 5000;
  }
  if (!document.hidden) polling = setTimeout(poll, pause);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });

function lamp(kind, headline) {
  element("lamp").className = kind;
  text("headline", headline);
}

function showState({ version, status, engine, uptime_seconds }) {
  text("version", `${version} · up ${duration(uptime_seconds)}`);
  const failed = status.state === "failed";
  const standby = engine?.name === "standby";
  if (engine && !standby) lamp("good", "Chatterbox speaks");
  else if (status.state === "idle") lamp("good", "Chatterbox rests");
  else if (engine) lamp(failed ? "bad" : "busy", "The standby voice speaks");
  else lamp(failed ? "bad" : "busy", failed ? "Nobody can speak" : "Nobody can speak yet");
  if (failed) {
    text("detail", `Chatterbox can't: ${sentence(status.error)}`);
    text("hint", status.hint);
    text("reason", `Next try in ${duration(status.retry_in_seconds)}.`);
  } else if (engine && !standby) {
    const weights = engine.quantization === "none" ? "" : `, with its weights in ${engine.quantization}`;
    text("detail", `The ${engine.name} model, on ${engine.device} at ${engine.dtype}${weights}.`);
    text("hint", "");
    text("reason", engine.reason ? `Why so: ${sentence(engine.reason)}` : "");
  } else if (status.state === "idle") {
    text("detail", sentence(capital(status.detail)));
    for (const id of ["hint", "reason"]) text(id, "");
  } else {
    text("detail", `Chatterbox is on its way: ${sentence(status.detail)}`);
    text("hint", "");
    text("reason", status.error ? `The last try failed: ${sentence(status.error)}` : "");
  }
  showDownload(status.state === "downloading" ? status.progress : null);
}

function showDownload(progress) {
  element("download").hidden = !progress;
  if (!progress) return;
  const part = progress.bytes_total ? progress.bytes_done / progress.bytes_total : 0;
  element("bar").value = part;
  text("amount", `${Math.floor(100 * part)} %: ${size(progress.bytes_done)} of ${size(progress.bytes_total)}, `
    + `now ${progress.file}`);
}

function showVoices({ voices, default_voice, broken_recordings, voices_directory }) {
  const languages = new Intl.DisplayNames(["en"], { type: "language" });
  replace("voices", voices.map(({ name, language, recording }) => item(
    "li", name, quiet(`${languages.of(language)}, ${recording ?? "the model's own"}`))));
  const broken = Object.entries(broken_recordings);
  element("broken").hidden = broken.length === 0;
  replace("broken-list", broken.map(([file, reason]) => item("li", file, quiet(sentence(reason)))));
  text("directory", voices_directory);
  const names = voices.map(({ name }) => name);
  const select = element("voice");
  if (select.dataset.names === names.join("\n")) return;
  select.dataset.names = names.join("\n");
  const chosen = select.value || default_voice;
  replace("voice", names.map((name) => new Option(name, name, false, name === chosen)));
}

function showMemory({ process, host, engines, memory_info }) {
  const rows = [
    ["This process", size(process.anonymous_bytes ?? process.rss_bytes)],
    ["Free on this machine", `${size(host.available_bytes)} of ${size(host.total_bytes)}`],
  ];
  for (const engine of engines) {
    if (engine.weights_bytes) rows.push([`Weights of ${engine.name}`, size(engine.weights_bytes)]);
    const device = engine.device_bytes;
    if (engine.kv_cache_bytes) rows.push([`KV cache of ${engine.name}`, size(engine.kv_cache_bytes)]);
    if (engine.voices) rows.push(["Voices held", `${engine.voices}, ${size(engine.voices_bytes)}`]);
    if (device.free !== undefined) rows.push([`Free on ${engine.device}`, `${size(device.free)} of ${size(device.total)}`]);
  }
  if (memory_info.gpu_memory_allocated_mb !== null) {
    rows.push(["GPU memory in use", `${Math.round(memory_info.gpu_memory_allocated_mb)} MB`]);
    rows.push(["GPU memory at its peak", `${Math.round(memory_info.gpu_memory_max_allocated_mb)} MB`]);
  }
  replace("memory", rows.flatMap(([what, how]) => [item("dt", what), item("dd", how)]));
}

function showReplies({ recent, statistics }) {
  text("statistics", statistics.total_requests === 0 ? "Nobody has asked for speech yet."
    : `${statistics.total_requests} since the start: ${statistics.completed_requests} completed, `
      + `${statistics.error_requests} failed, ${statistics.cancelled_requests} cancelled; `
      + `${statistics.active} in the making.`);
  element("replies").hidden = recent.length === 0;
  element("replies").tBodies[0].replaceChildren(...recent.map((reply) => {
    const first = reply.first_audio_seconds;
    const outcome = item("td", reply.outcome);
    if (!["done", "speaking", "cancelled"].includes(reply.outcome)) outcome.className = "wrong";
    return item("tr",
      item("td", new Date(1000 * reply.started).toLocaleTimeString()),
      item("td", reply.voice),
      item("td", reply.engine ?? ""),
      outcome,
      number("first sound", first === null ? "" : `${Math.round(1000 * first)} ms`),
      number("sound", `${reply.audio_seconds.toFixed(1)} s`),
      item("td", reply.client));
  }));
}

// Trying it: samples are played as they come.

let trial = null;

element("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  trial?.stop();
  const mine = trial = new Trial();
  outcome("Asking for the first sound …");
  element("stop").disabled = false;
  try {
    const length = await mine.run(element("text").value, element("voice").value);
    if (mine === trial) outcome(`First sound after ${mine.wait} ms, ${length.toFixed(1)} s in all.`);
  } catch (error) {
    if (mine === trial) outcome(error.name === "AbortError" ? "Stopped." : error.message, error.name !== "AbortError");
  }
  if (mine === trial) element("stop").disabled = true;
});

element("stop").addEventListener("click", () => trial?.stop());

function outcome(message, wrong = false) {
  text("outcome", message);
  element("outcome").classList.toggle("wrong", wrong);
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
      const response = await ask("v1/audio/speech", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ input, voice: voice || undefined, response_format: "pcm" }),
        signal: this.abort.signal,
      });
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

function replace(id, children) {
  element(id).replaceChildren(...children);
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
