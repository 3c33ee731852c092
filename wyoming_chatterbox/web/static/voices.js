// Voices: cards to hear, try, tune and delete, and ways to add one.

import { fill, make, set, show as reveal, toast, ui } from "./dom.js";
import { editFile, editRecording, whyNoMicrophone } from "./editor.js";
import { drawOutline, outline, redraw } from "./outline.js";
import { player } from "./player.js";
import { say } from "./refusals.js";
import { ask, ENGINE, readVoices, refreshVoices, STANDBY, state } from "./server.js";
import { decode } from "./sound.js";
import { nameOf, tryVoice } from "./speak.js";
import { keepOnly, tuning } from "./tuning.js";
import { language, languageName, later, number, seconds, sentence, size, t } from "./words.js";

const STATES = { preparing: later("is being prepared"), waiting: later("waits to be prepared") };
const FINDINGS = {
  clipped: later("It is distorted: it was recorded too loud."),
  noisy: later("There is noise or music in the background."),
  quiet: later("It is rather quiet."),
};
const UNDO_SECONDS = 10;

const address = (name, more = "") => `v1/voices/${encodeURIComponent(name)}${more}`;
/** The file that the next chosen file replaces. */
let replaces = null;
let listed = false;

export function show(what) {
  if (!listed && what !== "clock") {
    listed = true;
    readVoices().catch(({ message }) => {
      listed = false;
      set(ui.folderTrouble, message);
    });
  }
  set(ui.noMicrophone, whyNoMicrophone());
  reveal(ui.noMicrophone, ui.noMicrophone.textContent !== "");
  reveal(ui.record, ui.noMicrophone.hidden);
  if (!state.voices || what === "memory" || what === "clock") return;
  if (what === undefined) redraw();
  const { voices, broken, folder } = state.voices;
  set(ui.folder, folder.path);
  set(ui.folderTrouble, (folder.trouble && say(folder.problem, folder.trouble)) || (folder.writable ? "" : t("The server can't write into this folder.")));
  for (const button of [ui.choose, ui.record]) button.disabled = !folder.writable;
  keepOnly(voices);
  const word = ui.find.value.trim().toLowerCase();
  const fits = (...texts) => texts.some((text) => text.toLowerCase().includes(word));
  const found = voices.filter((voice) => fits(nameOf(voice), voice.name, ...voice.languages.map(languageName)));
  found.sort((a, b) => a.own - b.own || nameOf(a).localeCompare(nameOf(b)));
  const heeds = state.info?.heeds ?? [];
  fill(ui.cards, [...broken.filter(({ file }) => fits(file)), ...found.map((voice) => ({ ...voice, heeds, writable: folder.writable }))],
    ({ file, name }) => (file === undefined ? name : `${file} broken`), (item) => (item.file === undefined ? card(item) : brokenCard(item)));
}

const button = (what, name, text, onclick, label = text) => {
  const made = make(what, { ariaLabel: `${label}: ${name}`, onclick }, text);
  made.dataset.do = label;
  return made;
};

function brokenCard({ file, reason, problem }) {
  return make("li.wrong",
    make("div.top", make("h3", { dir: "auto" }, file), make("span.tag.bad", t("unusable"))),
    make("p", say(problem, reason)),
    // In place of a profile, a recording would be of no use.
    make("div.row", !/\.ya?ml$/i.test(file) && button("button.plain", file, t("Replace"), () => { replaces = file; ui.file.click(); }),
      button("button.link", file, t("Delete"), () => remove(file, file))));
}

function card(voice) {
  const { name, own, languages, judgement, reason, problem } = voice;
  const title = nameOf(voice);
  const spoken = languages.length > 1 ? t("{n} languages", { n: number(languages.length, 0) }) : languageName(languages[0]);
  const about = [own && t("The model's own voice"), judgement && seconds(judgement.seconds), spoken, voice.recorded_language && languages.length > 1 && t("recorded in {language}", { language: languageName(voice.recorded_language) }), STATES[voice.state] && t(STATES[voice.state])];
  const findings = (judgement?.findings ?? []).map(({ code, text }) => make("li.warn", FINDINGS[code] ? t(FINDINGS[code]) : sentence(text)));
  const preferred = [languages.includes(language) && language, languages.includes(voice.recorded_language) && voice.recorded_language, languages[0]].find(Boolean);
  return make(voice.state === "broken" ? "li.wrong" : "li",
    make("div.top", make("h3", { dir: "auto" }, title), voice.is_default && make("span.tag.good", t("default"))),
    voice.peaks && outline(voice.peaks),
    make("p.quiet", about.filter(Boolean).join(" · ")),
    voice.state === "broken" && make("p.bad", say(problem, reason)),
    findings.length > 0 && make("ul.checks", findings),
    make("div.row",
      voice.state !== "broken" && listen("button", title, t("Preview"), address(name, `/preview?language=${preferred}`)),
      voice.state !== "broken" && button("button.plain", title, t("Try"), () => { location.hash = "speak"; tryVoice(name); }),
      voice.recording && listen("button.plain", title, t("Recording"), address(name, "/sample"), true)),
    tuning(voice, title),
    !own && voice.writable && button("button.link", title, t("Delete"), () => remove(name, title)));
}

// Hearing a recording, or how a voice speaks: the same button stops it, and shows in the picture of the recording where it is.

let heard = null;

function listen(what, name, text, path, isRecording = false) {
  const made = button(what, name, heard?.path === path ? t("Stop") : text, () => hear(path, isRecording), text);
  made.dataset.path = path;
  made.dataset.text = text;
  return made;
}

async function hear(path, isRecording) {
  const before = heard;
  before?.end();
  if (before?.path === path) return;
  const cut = new AbortController();
  let source = null;
  // A card may be made anew meanwhile.
  const pressed = () => [...ui.cards.querySelectorAll("[data-path]")].find(({ dataset }) => dataset.path === path);
  const follow = (played) => {
    const picture = isRecording && pressed()?.closest("li").querySelector(".outline");
    if (picture) drawOutline(picture, played);
  };
  const end = () => {
    if (cut.signal.aborted) return;
    cut.abort();
    source?.stop();
    if (heard === mine) heard = null;
    const button = pressed();
    if (button) set(button, button.dataset.text);
    follow(0);
  };
  const mine = heard = { path, end };
  set(pressed(), t("Stop"));
  try {
    source = await player.beside(fetchSound(path, cut.signal), cut.signal);
    if (!source) {
      end();
      return;
    }
    source.onended = end;
    const { context } = player;
    const begun = context.currentTime;
    const animate = () => {
      if (heard !== mine) return;
      follow((context.currentTime - begun) / source.buffer.duration);
      requestAnimationFrame(animate);
    };
    animate();
  } catch (error) {
    end();
    if (error.name !== "AbortError") toast(error.name === "EncodingError" ? t("This browser can't play this recording.") : error.message);
  }
}

async function fetchSound(path, signal) {
  const response = await ask(path, { signal });
  const samples = await decode(await response.arrayBuffer());
  if (!signal.aborted && response.headers.get(ENGINE) === STANDBY) toast(t("The standby voice said this, not Chatterbox."));
  return samples;
}

const going = new Set();

async function remove(name, title) {
  if (going.has(name)) return;
  going.add(name);
  heard?.end();
  try {
    const { undo } = await (await ask(address(name), { method: "DELETE" })).json();
    await refreshVoices();
    toast(t("{name} is deleted.", { name: title }), async () => {
      try {
        await ask(address(name, `/undelete?id=${undo.id}`), { method: "POST" });
        toast(t("{name} is back.", { name: title }));
      } catch ({ message }) {
        toast(message);
      }
      await refreshVoices();
    }, Math.min(undo.seconds, Math.max(UNDO_SECONDS, undo.seconds / 2)));
    ui.undo.focus();
  } catch ({ message }) {
    toast(message);
  }
  going.delete(name);
}

/** Begin a voice with a file; `broken` is the name of the one that it replaces. */
const take = (file, broken) => file && editFile(file, (sound, fields, signal) => add(sound, { ...fields, replaces: broken }, signal), broken);

/** Send a recording, until `signal` ends that; throws what the server says of it. */
async function add(file, fields, signal) {
  const most = state.info?.limits?.max_upload_bytes;
  if (most && file.size > most) throw new Error(t("The recording has {size}; {most} is the most.", { size: size(file.size), most: size(most) }));
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append("file", file, file.name ?? `${fields.name}.wav`);
  try {
    await ask("v1/voices", { method: "POST", body: form, signal });
    toast(t("{name} is a voice now. Home Assistant shows it within half a minute.", { name: fields.name }));
  } finally {
    refreshVoices();
  }
}

ui.choose.addEventListener("click", () => { replaces = null; ui.file.click(); });
ui.file.addEventListener("change", () => {
  take(ui.file.files[0], replaces);
  ui.file.value = "";
});
ui.record.addEventListener("click", () => editRecording(add));
ui.find.addEventListener("input", () => show());
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  ui.drop.addEventListener(kind, (event) => {
    event.preventDefault();
    ui.drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop" && !ui.choose.disabled) take(event.dataTransfer.files[0]);
  });
}
