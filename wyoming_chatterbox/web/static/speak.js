// Try it: a text, a voice, and how it is to be spoken; and the latest replies to others.

import { choices, fill, make, set, show, toast, ui } from "./dom.js";
import { code, keep, STANDBY, state, worded } from "./server.js";
import { settings, sliders } from "./sliders.js";
import { isolated, language, languageName, number, seconds, sentence, t, time } from "./words.js";

/** Texts by the language that a voice speaks; the first one stands there at the beginning. */
const EXAMPLES = {
  en: ["The front door is locked, and all the windows are closed. Good night!", "The washing machine is done.", "It's 7:30 PM and 21 °C outside."],
  de: ["Die Haustür ist abgeschlossen, und alle Fenster sind zu. Gute Nacht!", "Die Waschmaschine ist fertig.", "Es ist 19:30 Uhr, draußen sind es 21 °C."],
  fr: ["La porte d'entrée est verrouillée et toutes les fenêtres sont fermées. Bonne nuit !", "La machine à laver a terminé.", "Il est 19h30 et il fait 21 °C dehors."],
  es: ["La puerta de entrada está cerrada con llave y todas las ventanas están cerradas. ¡Buenas noches!", "La lavadora ha terminado.", "Son las 19:30 y fuera hay 21 °C."],
};
const MOST_REPLIES = 20;
const FEWEST_REPLIES = 5;
const SAID_AFTER_MS = 500;

let style = {};
/** The voice and its settings that `style` began with. */
let styled = "";
let showsAll = false;
/** Whether the text is a person's own: then it stays, in this tab even when the page is loaded anew. */
let isEdited = false;

/** The chosen voice. */
const voice = () => state.voices?.voices.find(({ name }) => name === ui.voice.value);

/** What people call a voice. */
export const nameOf = ({ label, name }) => label || name;

export function showSpeak(what) {
  const { info, voices } = state;
  if (!info || what === "clock") return;
  if (voices) showVoices(voices);
  showChips(info);
  const { trouble, problem } = info.pronunciations ?? {};
  worded({ problem, message: sentence(trouble) }).then((text) => set(ui.pronunciations, text));
  if (what !== "memory") showReplies(info);
}

function showVoices({ voices, default: usual }) {
  const usable = voices.filter((one) => one.state !== "broken");
  choices(ui.voice, usable.map((one) => [one.name, nameOf(one)]), usual ?? usable.find((one) => one.is_default)?.name);
  showLanguages();
}

function showLanguages() {
  const codes = voice()?.languages ?? ["en"];
  const usual = [language, voice()?.recorded_language, "en"].find((code) => codes.includes(code)) ?? codes[0];
  const named = codes.map((code) => [code, languageName(code)]).sort((a, b) => a[1].localeCompare(b[1]));
  choices(ui.language, named, usual);
  show(ui.languageLabel, codes.length > 1);
  if (!isEdited) set(ui.text, (EXAMPLES[ui.language.value] ?? EXAMPLES.en)[0], "value");
  count();
  const heeds = state.info.heeds ?? [];
  const own = JSON.stringify([ui.voice.value, voice()?.style]);
  const about = JSON.stringify([own, heeds, language]);
  if (ui.sliders.dataset.about === about) return;
  ui.sliders.dataset.about = about;
  if (styled !== own) style = { ...voice()?.style };
  styled = own;
  ui.sliders.replaceChildren(...sliders(style, heeds));
}

function showChips({ sounds = [] }) {
  const [, ...examples] = EXAMPLES[ui.language.value] ?? EXAMPLES.en;
  fill(ui.chips, [...examples, ...sounds.map((sound) => `[${sound}]`)], (text) => text, (text) => make("button", { onclick: () => insert(text) }, text));
}

function insert(text) {
  const { selectionStart: from, selectionEnd: to } = ui.text;
  if (text.startsWith("[")) ui.text.setRangeText(`${text} `, from, to, "end");
  else ui.text.value = text;
  ui.text.focus();
  edited();
  showForm();
}

function edited() {
  isEdited = true;
  keep("text", ui.text.value || null, "sessionStorage");
  count();
}

function count() {
  const most = state.info?.limits?.max_total_length ?? 10000;
  set(ui.text, most, "maxLength");
  set(ui.count, `${number(ui.text.value.length, 0)} / ${number(most, 0)}`);
}

const OUTCOMES = { done: null, speaking: () => t("speaking"), cancelled: () => t("cancelled") };

function showReplies({ recent, statistics }) {
  set(ui.totals, statistics.total_requests
    ? t("{n} replies since the server started, {failed} of them failed", { n: number(statistics.total_requests, 0), failed: number(statistics.error_requests, 0) })
    : t("No replies yet."));
  fill(ui.replies, recent.slice(0, showsAll ? MOST_REPLIES : FEWEST_REPLIES), ({ started, client }) => `${started} ${client}`, (reply) => {
    const { first_audio_seconds: first, outcome } = reply;
    const wrong = !(outcome in OUTCOMES);
    const from = reply.client.includes("HTTP") ? t("this page or another HTTP client") : reply.client.replace(/:\d+$/, "");
    return make("li",
      make("span.line", [time(reply.started), isolated(reply.voice), reply.engine === STANDBY ? t("standby voice") : reply.engine].filter(Boolean).join(" · ")),
      make(wrong ? "span.bad" : "span.quiet", wrong ? `${t("failed")} (${outcome})` : OUTCOMES[outcome]?.() ?? (first === null ? "" : seconds(first))),
      make("span.quiet.below", t("{length} of sound for {client}", { length: seconds(reply.audio_seconds), client: from })));
  });
  show(ui.more, recent.length > FEWEST_REPLIES && !showsAll);
}

/** What is to be said: the request for speech, and what people call its voice. */
function wanted() {
  const changed = settings(state.info?.heeds ?? []).filter((name) => typeof style[name] === "number");
  const request = {
    input: ui.text.value.trim(),
    voice: ui.voice.value || undefined,
    language: (!ui.languageLabel.hidden && ui.language.value) || undefined,
    response_format: "pcm",
    ...Object.fromEntries(changed.map((name) => [name, style[name]])),
    ...(ui.seed.value !== "" && { seed: Number(ui.seed.value) }),
  };
  return [request, nameOf(voice() ?? { name: ui.voice.value })];
}

// Numbers, dates and symbols are said as words: whoever wonders about a word sees which it was.

const showForm = () => { if (ui.form.open) code("said").then(({ tell }) => tell(ui.text.value.trim(), voice()?.names?.[ui.language.value] ?? voice()?.name), failed); };
const failed = ({ message }) => toast(message);

// The code that makes sound comes when it is about to be needed: a browser plays it only soon after a press.

let sound = null;
const sounding = () => (sound ??= code("say").catch((error) => { sound = null; throw error; }));

/** Speak what stands there in another voice. */
export async function tryVoice(name) {
  showSpeak();
  ui.voice.value = name;
  showSpeak();
  showForm();
  await withSound(({ say }) => say(...wanted()));
}

const withSound = (action) => sounding().then(action).catch(failed);

/** Draw and name anew what was heard, in other words or colours. */
export const refreshSpeak = () => sound?.then(({ refresh }) => refresh());

for (const kind of ["pointerover", "focusin"]) ui.try.addEventListener(kind, () => sounding().catch(() => {}), { once: true });
// The other half of a double click would stop what the first began.
ui.go.addEventListener("click", (event) => { if (event.detail > 1) event.preventDefault(); });
// No browser shows what is wrong in a closed fold.
ui.seed.addEventListener("invalid", () => { ui.how.open = true; });
ui.try.addEventListener("submit", (event) => {
  event.preventDefault();
  withSound(({ press }) => press(...wanted()));
});
ui.text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ui.try.requestSubmit();
});
let typing;
ui.text.addEventListener("input", () => {
  edited();
  clearTimeout(typing);
  typing = setTimeout(showForm, SAID_AFTER_MS);
});
ui.form.addEventListener("toggle", showForm);
ui.voice.addEventListener("change", () => { showSpeak(); showForm(); });
ui.language.addEventListener("change", () => { showSpeak(); showForm(); });
ui.more.addEventListener("click", () => { showsAll = true; showSpeak(); ui.replies.focus(); });
const own = keep("text", undefined, "sessionStorage");
if (own) {
  ui.text.value = own;
  isEdited = true;
}
