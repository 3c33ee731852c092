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

let made = 0;
const kept = new Map();

/** The settings of a voice, as one element as long as they are the same: news leave alone what a person is writing. */
export function tuning(voice, title) {
  const says = JSON.stringify([title, voice.profile, voice.heeds, voice.is_default, language]);
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

/** An input with its label, a place for what is wrong with it, and how its value is read. */
function field(name, text, input, read) {
  const wrong = make("p.bad", { id: `wrong${made += 1}` });
  const complain = (message) => {
    set(wrong, message);
    attribute(input, "aria-invalid", message ? "true" : null);
    attribute(input, "aria-describedby", message ? wrong.id : null);
  };
  attribute(input, "data-do", name);
  input.addEventListener("input", () => complain(""));
  return { input, read, complain, node: make("div", make("label", text, input), wrong) };
}

function numberField(name, value) {
  const [text, min, max, step] = NUMBERS[name];
  const range = { low: number(min, 0), high: number(max, 0) };
  const input = make("input", { type: "number", min, max, step, value: value ?? "", placeholder: t("as usual"), autocomplete: "off" });
  /** The number, null for none; throws what is wrong. */
  const read = () => {
    if (!input.validity.valid) throw new Error(step === 1 ? t("It takes a whole number from {low} to {high}.", range) : t("It takes a number from {low} to {high}.", range));
    return input.value === "" ? null : Number(input.value);
  };
  return field(name, t(text, range), input, read);
}

function loudnessField(value) {
  const isOff = value === UNLEVELLED;
  const one = numberField("loudness", isOff ? null : value);
  const off = make("input", { type: "checkbox", checked: isOff, "data-do": "off" });
  const follow = () => {
    one.input.disabled = off.checked;
    one.complain("");
  };
  off.addEventListener("change", follow);
  follow();
  one.node.append(make("label.check", off, t("As loud as the model makes it")));
  return { ...one, read: () => (off.checked ? UNLEVELLED : one.read()) };
}

function labelField(name, label) {
  const input = make("input", { value: label ?? name, maxLength: 100, autocomplete: "off", dir: "auto" });
  const read = () => (input.value.trim() === name ? null : input.value.trim() || null);
  return field("label", t("Label"), input, read);
}

function aliasesField(aliases) {
  const input = make("textarea", { value: aliases.join("\n"), rows: 2, dir: "auto", spellcheck: false });
  const read = () => {
    const lines = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
    return lines.length ? lines : null;
  };
  return field("aliases", t("Further names that requests may use, one a line"), input, read);
}

function form(voice, title, isMoreOpen) {
  const { name, own, profile: { label, aliases, style } } = voice;
  const values = { ...style };
  const before = { ...style, label: label === name ? null : label, aliases: aliases.length ? aliases : null };
  const few = {
    aliases: aliasesField(aliases), loudness: loudnessField(style.loudness),
    sentence_pause: numberField("sentence_pause", style.sentence_pause), seed: numberField("seed", style.seed),
  };
  const fields = { ...(!own && { label: labelField(name, label) }), ...few };
  const isSet = Object.keys(few).some((key) => (before[key] ?? null) !== null);
  const more = make("details.more", { open: isMoreOpen ?? isSet }, make("summary", t("More")), make("div.stack", Object.values(few).map(({ node }) => node)));
  const said = make("p.bad", { role: "alert" });

  const refuse = (key, message) => {
    fields[key].complain(message);
    if (key in few) more.open = true;
  };
  const change = async (wanted) => {
    const changed = Object.keys(wanted).filter((key) => JSON.stringify(wanted[key] ?? null) !== JSON.stringify(before[key] ?? null));
    const part = (from) => Object.fromEntries(changed.map((key) => [key, from[key] ?? null]));
    const undo = () => patch(name, part(before)).then(() => toast(t("Undone.")), ({ message }) => toast(message));
    try {
      if (changed.length) await patch(name, part(wanted));
      toast(t("Saved."), changed.length > 0 && undo);
    } catch ({ param, message }) {
      if (param in fields) {
        refuse(param, message);
        fields[param].input.focus();
      } else set(said, message);
    }
  };
  const save = (event) => {
    event.preventDefault();
    set(said, "");
    const wanted = { ...values };
    const refused = [];
    for (const [key, one] of Object.entries(fields)) {
      one.complain("");
      try {
        wanted[key] = one.read();
      } catch ({ message }) {
        refuse(key, message);
        refused.push(one);
      }
    }
    if (refused.length) refused[0].input.focus();
    else change(wanted);
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
  const all = make("form.stack", { noValidate: true, onsubmit: save },
    fields.label?.node, make("div.sliders", sliders(values, voice.heeds)), more,
    make("div.row", make("button.plain", { type: "submit", ariaLabel: `${t("Save")}: ${title}`, "data-do": "save" }, t("Save")),
      make("button.link", { ariaLabel: `${t("As usual")}: ${title}`, onclick: usual, "data-do": "usual" }, t("As usual"))),
    said,
    !voice.is_default && make("details", make("summary", t("Make it the default")), make("div.stack", settingToCopy([["voice", name]]))));
  return all;
}

async function patch(name, changes) {
  await send(`v1/voices/${encodeURIComponent(name)}`, changes, "PATCH");
  await readVoices();
}
