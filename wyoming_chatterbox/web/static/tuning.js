// Settings of a voice, in its card: the usual ones at once, the others under "More".

import { settingToCopy } from "./copy.js";
import { attribute, make, set, toast } from "./dom.js";
import { readVoices, send } from "./server.js";
import { sliders } from "./sliders.js";
import { language, later, number, t } from "./words.js";

/** Label, lowest and highest of each setting that is a number; a whole one has steps of 1. */
const NUMBERS = {
  loudness: [later("Loudness, {low} to {high} LUFS"), -40, -10, "any"],
  sentence_pause: [later("Pause between sentences, {low} to {high} s"), 0, 10, "any"],
  seed: [later("Seed: the same number sounds the same again"), 0, 4294967295, 1],
};
/** The value of `loudness` that leaves a voice as it is. */
const UNLEVELLED = 0;

let fields = 0;
const kept = new Map();

/** The settings of a voice, as one element as long as they are the same: news leave alone what a person is writing. */
export function tuning(voice, title) {
  const says = JSON.stringify([voice.label, voice.style, voice.aliases, voice.heeds, voice.is_default, language]);
  const before = kept.get(voice.name);
  if (before?.says === says) return before.node;
  const isMoreOpen = before?.node.querySelector(".more")?.open;
  const node = make("details", { open: before?.node.open ?? false }, make("summary", { "data-do": "settings" }, t("Settings")));
  const unfold = () => {
    if (node.open && node.childElementCount === 1) node.append(form(voice, title, isMoreOpen));
  };
  node.addEventListener("toggle", unfold);
  unfold();
  kept.set(voice.name, { says, node });
  return node;
}

/** An input with its label, and a place for what is wrong with it. */
function field(text, input, name) {
  const wrong = make("p.bad", { id: `wrong${fields += 1}` });
  attribute(input, "data-do", name);
  const complain = (message) => {
    set(wrong, message);
    attribute(input, "aria-invalid", message ? "true" : null);
    attribute(input, "aria-describedby", message ? wrong.id : null);
  };
  input.addEventListener("input", () => complain(""));
  return { input, complain, node: make("div", make("label", text, input), wrong) };
}

function numberField(name, value) {
  const [text, min, max, step] = NUMBERS[name];
  const range = { low: number(min, 0), high: number(max, 0) };
  const input = make("input", { type: "number", min, max, step, value: value ?? "", placeholder: t("as usual"), autocomplete: "off" });
  const one = field(t(text, range), input, name);
  /** The number, null for none; throws what is wrong. */
  one.read = () => {
    if (!input.validity.valid) throw new Error(step === 1 ? t("It takes a whole number from {low} to {high}.", range) : t("It takes a number from {low} to {high}.", range));
    return input.value === "" ? null : Number(input.value);
  };
  return one;
}

function textField(name, text, input, read) {
  const one = field(text, input, name);
  one.read = read;
  return one;
}

function form(voice, title, isMoreOpen) {
  const { name, own, style } = voice;
  const values = { ...style };
  const isUnlevelled = style.loudness === UNLEVELLED;
  const off = make("input", { type: "checkbox", checked: isUnlevelled, "data-do": "off" });
  const label = make("input", { value: voice.label ?? "", maxLength: 100, autocomplete: "off", dir: "auto" });
  const aliases = make("textarea", { value: voice.aliases.join("\n"), rows: 2, dir: "auto", spellcheck: false });
  const lines = () => aliases.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const inputs = {
    ...(!own && { label: textField("label", t("Label"), label, () => (label.value.trim() === name ? null : label.value.trim() || null)) }),
    aliases: textField("aliases", t("Further names that requests may use, one a line"), aliases, () => (lines().length ? lines() : null)),
    loudness: numberField("loudness", isUnlevelled ? null : style.loudness),
    sentence_pause: numberField("sentence_pause", style.sentence_pause),
    seed: numberField("seed", style.seed),
  };
  const { loudness } = inputs;
  const level = loudness.read;
  loudness.read = () => (off.checked ? UNLEVELLED : level());
  const follow = () => {
    loudness.input.disabled = off.checked;
    loudness.complain("");
  };
  off.addEventListener("change", follow);
  follow();

  const before = { ...style, label: voice.label === name ? null : voice.label, aliases: voice.aliases.length ? voice.aliases : null };
  const said = make("p.bad", { role: "alert" });
  const more = make("details.more", { open: isMoreOpen ?? [before.aliases, style.loudness, style.sentence_pause, style.seed].some((value) => (value ?? null) !== null) },
    make("summary", t("More")),
    make("div.stack", inputs.aliases.node, loudness.node, make("label.check", off, t("As loud as the model makes it")), inputs.sentence_pause.node, inputs.seed.node));

  const refuse = (key, message) => {
    const one = inputs[key];
    if (!one) {
      set(said, message);
      return;
    }
    one.complain(message);
    if (more.contains(one.input)) more.open = true;
    one.input.focus();
  };
  const save = () => {
    set(said, "");
    const wanted = { ...values };
    let refused = null;
    for (const [key, one] of Object.entries(inputs)) {
      one.complain("");
      try {
        wanted[key] = one.read();
      } catch ({ message }) {
        refused ??= [key, message];
      }
    }
    if (refused) refuse(...refused);
    else change(wanted);
  };
  const change = async (wanted) => {
    const changed = Object.keys(wanted).filter((key) => JSON.stringify(wanted[key] ?? null) !== JSON.stringify(before[key] ?? null));
    const part = (from) => Object.fromEntries(changed.map((key) => [key, from[key] ?? null]));
    try {
      if (changed.length) await patch(name, part(wanted));
      toast(t("Saved."), changed.length > 0 && (() => patch(name, part(before)).then(() => toast(t("Undone.")), ({ message }) => toast(message))));
    } catch ({ param, message }) {
      refuse(param, message);
    }
  };
  const usual = () => {
    if (Object.keys(style).length) {
      change(Object.fromEntries(Object.keys(style).map((key) => [key, null])));
      return;
    }
    const fresh = form(voice, title, more.open);
    all.replaceWith(fresh);
    fresh.querySelector("[data-do=usual]").focus();
    toast(t("Saved."));
  };
  const button = (what, name, text, onclick) => make(what, { ariaLabel: `${text}: ${title}`, onclick, "data-do": name }, text);
  const all = make("div.stack", inputs.label?.node, make("div.sliders", sliders(values, voice.heeds)), more,
    make("div.row", button("button.plain", "save", t("Save"), save), button("button.link", "usual", t("As usual"), usual)),
    said,
    voice.is_default ? null : make("details", make("summary", t("Make it the default")), make("div.stack", settingToCopy([["voice", name]]))));
  return all;
}

async function patch(name, changes) {
  await send(`v1/voices/${encodeURIComponent(name)}`, changes, "PATCH");
  await readVoices();
}
