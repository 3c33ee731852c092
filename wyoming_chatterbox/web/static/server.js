// The server: asking it, its token, and what it says by itself.

import { file, t } from "./words.js";

/** What the server said last; `at` is when, by `performance.now()`. */
export const state = { info: null, memory: null, voices: null, history: [], log: null, kind: "connecting", refusal: "", at: 0 };

const listeners = new Set();
/** Call back at each news; the argument says of what: info, memory, voices or log. */
export const onNews = (listener) => listeners.add(listener);

function tell(what) {
  for (const listener of listeners) {
    try {
      listener(what);
    } catch (error) {
      // What can't be shown is a fault of the page, not of the connection.
      reportError(error);
    }
  }
}

/** Seconds since the clocks in `state.info` were read. */
export const elapsed = () => (performance.now() - state.at) / 1000;

/** The server refuses a request, and says why. */
export class Refusal extends Error {
  constructor(message, status, code, param) {
    super(message);
    /** `param` is the field that is wrong. */
    Object.assign(this, { status, code, param });
  }
}

/** Headers of speech: who says its beginning, and its id among the recent replies. */
export const ENGINE = "Chatterbox-Engine";
export const REPLY = "Chatterbox-Reply";
export const STANDBY = "standby";

const POLL_MS = 2000;
const SOON_MS = 200;
const GONE_MS = 3000;
const HIDDEN_MS = 20000;
/** The server sends a comment every 15 s: a proxy that keeps it back longer is no way for news. */
const SILENCE_MS = 40000;

const missed = new Set();

/** Import a module of the page when it is needed. Throws `Error` if it does not come. */
export async function code(name) {
  try {
    // Browsers don't fetch a module again that did not come once.
    if (missed.has(name)) await file("").then(() => location.reload());
    return await import(`./${name}.js`);
  } catch (cause) {
    missed.add(name);
    throw new Error(t("The server can't be reached."), { cause });
  }
}

/** Keep a setting of the page in the browser, or read it where there is no `value`. */
export function keep(name, value, storage = "localStorage") {
  // Inside Home Assistant, pages share what they keep.
  const key = `chatterbox-${name}`;
  try {
    if (value === undefined) return window[storage].getItem(key);
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch { /* A frame may have no storage. */ }
  return null;
}

let token = keep("token", undefined, "sessionStorage") ?? keep("token") ?? "";

/** A header holds bytes: those of UTF-8 let any character pass. */
const bearer = () => String.fromCharCode(...new TextEncoder().encode(`Bearer ${token}`));

/** Fetch an address, relative to the page. Throws `Refusal`, or `Error` if the server can't be reached. */
export async function ask(path, options = {}) {
  const used = token;
  const headers = { ...options.headers, ...(used && { Authorization: bearer() }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error(t("The server can't be reached."));
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => null))?.error;
  // Without a reason it is a proxy's answer, such as that of Home Assistant's ingress while the server is away.
  if (!problem) throw new Error(t("The server answered with the status {n}.", { n: response.status }));
  // A question that was asked with another token says nothing about this one.
  if (response.status === 401 && used === token) gone("locked", problem.message);
  throw new Refusal(await worded(problem), response.status, problem.code, problem.param);
}

/** Most pages never need these words. */
export const worded = async ({ problem, message }) => (problem ? import("./refusals.js").then(({ say }) => say(problem, message), () => message) : message);

export const get = async (path) => (await ask(path)).json();
export const send = async (path, body, method = "POST", signal = undefined) =>
  ask(path, { method, signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

function gone(kind, refusal = "") {
  const again = state.kind === kind && state.refusal === refusal;
  Object.assign(state, { kind, refusal });
  if (!again) tell("info");
}

export const isLocked = () => state.kind === "locked";
export const hasToken = () => token !== "";

/** Try a token. */
export async function signIn(given, remember) {
  token = given;
  keep("token", given, "sessionStorage");
  keep("token", remember ? given : null);
  state.refusal = "";
  await follow();
}

/** What `info` told when the voices were asked for. */
let told = "";

function learn(info) {
  const tells = JSON.stringify([info.status.state, info.voices, info.broken_recordings, info.voices_directory_trouble]);
  const isOther = tells !== told || state.kind !== info.status.state;
  told = tells;
  state.info = info;
  state.at = performance.now();
  state.kind = info.status.state;
  state.refusal = "";
  tell("info");
  if (isOther) readVoices().catch(() => { told = ""; });
}

function remember({ history, point, ...memory }, goesOn = false) {
  const now = Date.now() / 1000;
  const points = (point ? [point] : history?.points ?? []).map(([age, ...bytes]) => [now - age, ...bytes]);
  state.history = [...(goesOn ? state.history.filter(([at]) => at > now - 3600) : []), ...points];
  state.memory = { ...state.memory, ...memory };
  tell("memory");
}

/** Ask for what the page shows. */
export async function look() {
  const [info, memory] = await Promise.all(["info", "memory"].map(get));
  remember(memory);
  learn(info);
}

let questions = 0;
let answered = 0;

/** Ask for the voices; again soon, while Chatterbox prepares some. */
export async function readVoices() {
  clearTimeout(readVoices.timer);
  const question = questions += 1;
  const voices = await get("v1/voices");
  // Of two answers, the one to the later question holds, whichever comes first.
  if (question < answered) return;
  answered = question;
  state.voices = voices;
  tell("voices");
  const areReady = state.voices.voices.every((voice) => voice.state === "ready" || voice.state === "broken");
  if (areReady || state.kind !== "ready" || document.hidden) return;
  readVoices.timer = setTimeout(refreshVoices, POLL_MS);
}

/** Ask for the voices after a change, which counts even if no answer comes. */
export const refreshVoices = () => readVoices().catch(() => {});

export async function readLog() {
  state.log = (await get("log")).lines;
  tell("log");
}

const NEWS = {
  info: learn,
  memory: (memory) => remember(memory, true),
  log(line) {
    // The log may have been asked for when the line was there already.
    if (!state.log || state.log.some(({ time, text }) => time === line.time && text === line.text)) return;
    state.log = [...state.log, line].slice(-500);
    tell("log");
  },
};

let streams = true;
let following = null;

/** Hear the server's events until they end. */
async function listen(signal) {
  const cut = new AbortController();
  const end = () => cut.abort();
  signal.addEventListener("abort", end);
  let heard = false;
  const silent = () => {
    streams = heard;
    end();
  };
  let watch = setTimeout(silent, SILENCE_MS);
  try {
    // The first event is all of /info.
    const response = await ask("events", { signal: cut.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      heard = true;
      clearTimeout(watch);
      watch = setTimeout(silent, SILENCE_MS);
      const events = (rest + part.value).split(/\r?\n\r?\n/);
      rest = events.pop();
      for (const event of events) {
        const name = /^event: ?(.*)$/m.exec(event)?.[1];
        const data = /^data: ?(.*)$/m.exec(event)?.[1];
        if (data) NEWS[name]?.(JSON.parse(data));
      }
    }
  } catch (error) {
    // Without events the page asks every two seconds.
    if ([404, 405].includes(error.status)) streams = false;
    else if (error.name !== "AbortError") throw error;
  } finally {
    clearTimeout(watch);
    end();
    signal.removeEventListener("abort", end);
  }
}

const pause = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); });
});

/** Stay up to date, until the page is hidden or this is called anew. A hidden page asks now and then, for its title. */
export async function follow() {
  following?.abort();
  const { signal } = (following = new AbortController());
  while (!signal.aborted) {
    let wait = POLL_MS;
    try {
      await look();
      if (signal.aborted) return;
      // No event told what was written meanwhile.
      if (state.log) readLog().catch(() => {});
      if (document.hidden) wait = HIDDEN_MS;
      else if (streams) {
        await listen(signal);
        wait = SOON_MS;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isLocked()) return;
      const reachable = error instanceof Refusal && state.kind !== "gone" && state.info !== null && error.status !== 403;
      if (!reachable) gone(error.status === 403 ? "refused" : "gone", error.message);
      wait = GONE_MS;
    }
    await pause(wait, signal);
  }
}

// A browser opens six connections to a server at most: hidden tabs leave theirs to others.
document.addEventListener("visibilitychange", () => { if (!isLocked()) follow(); });
