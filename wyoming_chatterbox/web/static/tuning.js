// Settings of a voice, in its card: the usual ones at once, the others under "More".

import { settingToCopy } from "./copy.js";
import { attribute, make, set, toast, ui } from "./dom.js";
import { refreshVoices, send } from "./server.js";
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

/** The settings of a voice, as one element as long as the voice is there: what a person is writing stays in it. */
export function tuning(voice, title) {
  if (!kept.has(voice.name)) kept.set(voice.name, new Tuning());
  return kept.get(voice.name).show(voice, title);
}

/** Let go of the settings of voices that are no longer there. */
export function keepOnly(voices) {
  const names = new Set(voices.map(({ name }) => name));
  for (const [name, one] of kept) {
    if (names.has(name)) continue;
    kept.delete(name);
    if (one.isEdited) toast(t("{name} is gone: what was not saved is lost.", { name: one.title }));
  }
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
  off.addEventListener("input", follow);
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
  return field("aliases", t("Other names that requests may use, one per line"), input, read);
}

/** Changes of a voice, as the server takes them; null is as usual. */
const changeable = ({ name, profile: { label, aliases, style } }) => ({ ...style, label: label === name ? null : label, aliases: aliases.length ? aliases : null });

const valueOf = (input) => (input.type === "checkbox" ? input.checked : input.value);

class Tuning {
  constructor() {
    /** What a person has written and not saved, by the `data-do` of its input. */
    this.draft = {};
    /** Saving: one after the other, so that the second half of a double click finds nothing to do. */
    this.turn = Promise.resolve();
    this.summary = make("summary", { "data-do": "settings" });
    this.node = make("details", this.summary);
    this.node.addEventListener("toggle", () => { if (this.node.open && !this.form) this.build(); });
  }

  show(voice, title) {
    const says = JSON.stringify([title, voice.profile, voice.heeds, voice.is_default, language]);
    if (says === this.says) return this.node;
    Object.assign(this, { voice, title, says });
    set(this.summary, t("Settings"));
    this.summary.ariaLabel = `${t("Settings")}: ${title}`;
    if (this.form) this.build();
    return this.node;
  }

  get isEdited() { return Object.keys(this.draft).length > 0; }

  /** Make the form anew, and write into it again what a person wrote. */
  build() {
    const before = this.form;
    const focused = before?.contains(document.activeElement) && document.activeElement.dataset.do;
    this.form = this.compose();
    const folds = this.form.querySelectorAll("details");
    before?.querySelectorAll("details").forEach(({ open }, i) => folds[i] && set(folds[i], open, "open"));
    this.saved = Object.fromEntries([...this.form.querySelectorAll("[data-do]")].map((input) => [input.dataset.do, valueOf(input)]));
    for (const [name, value] of Object.entries(this.draft)) {
      const input = this.find(name);
      if (!input) continue;
      input[input.type === "checkbox" ? "checked" : "value"] = value;
      input.dispatchEvent(new Event("input"));
    }
    before?.remove();
    this.node.append(this.form);
    if (focused) this.find(focused)?.focus();
  }

  find(name) { return this.form.querySelector(`[data-do="${name}"]`); }

  compose() {
    const { voice, title, voice: { name, own, profile: { label, aliases, style } } } = this;
    this.values = { ...style };
    const few = {
      aliases: aliasesField(aliases), loudness: loudnessField(style.loudness),
      sentence_pause: numberField("sentence_pause", style.sentence_pause), seed: numberField("seed", style.seed),
    };
    this.fields = { ...(!own && { label: labelField(name, label) }), ...few };
    const isSet = aliases.length > 0 || Object.keys(few).some((key) => (style[key] ?? null) !== null);
    this.said = make("p.bad", { role: "alert" });
    const form = make("form.stack", { noValidate: true },
      this.fields.label?.node, make("div.sliders", sliders(this.values, voice.heeds)),
      make("details.more", { open: isSet }, make("summary", t("More")), make("div.stack", Object.values(few).map(({ node }) => node))),
      make("div.row", make("button.plain", { type: "submit", ariaLabel: `${t("Save")}: ${title}`, "data-do": "save" }, t("Save")),
        make("button.link", { ariaLabel: `${t("As usual")}: ${title}`, onclick: () => this.usual(), "data-do": "usual" }, t("As usual"))),
      this.said,
      !voice.is_default && make("details", make("summary", t("Make it the default")), make("div.stack", settingToCopy([["voice", name]]))));
    form.addEventListener("input", ({ target }) => {
      const name = target.dataset.do;
      if (!(name in this.saved)) return;
      if (valueOf(target) === this.saved[name]) delete this.draft[name];
      else this.draft[name] = valueOf(target);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.next(() => this.save());
    });
    return form;
  }

  next(action) { this.turn = this.turn.then(action).catch(reportError); }

  async save() {
    set(this.said, "");
    const wanted = { ...this.values };
    const refused = [];
    for (const [key, one] of Object.entries(this.fields)) {
      one.complain("");
      try {
        wanted[key] = one.read();
      } catch ({ message }) {
        refused.push([key, message]);
      }
    }
    if (refused.length) refused.reverse().forEach(([key, message]) => this.refuse(key, message));
    else await this.change(wanted);
  }

  /** Tell at a field what is wrong with it. */
  refuse(key, message) {
    const { input, complain } = this.fields[key];
    complain(message);
    const more = input.closest(".more");
    if (more) more.open = true;
    input.focus();
  }

  async change(wanted) {
    const { voice: { name } } = this;
    const before = changeable(this.voice);
    const changed = Object.keys(wanted).filter((key) => JSON.stringify(wanted[key] ?? null) !== JSON.stringify(before[key] ?? null));
    const part = (from) => Object.fromEntries(changed.map((key) => [key, from[key] ?? null]));
    const sent = { ...this.draft };
    const undo = () => patch(name, part(before)).then(() => toast(t("Undone.")), ({ message }) => toast(message));
    try {
      if (changed.length) await send(address(name), part(wanted), "PATCH");
      for (const [key, value] of Object.entries(sent)) if ((key === "off" ? "loudness" : key) in wanted && this.draft[key] === value) delete this.draft[key];
      if (changed.length) {
        await refreshVoices();
        toast(t("Saved."), undo);
      } else if (ui.toast.hidden || ui.undo.hidden) toast(t("Nothing has changed."));
    } catch ({ param, message }) {
      if (!this.node.isConnected) toast(message);
      else if (param in this.fields) this.refuse(param, message);
      else set(this.said, message);
    }
  }

  /** Take back how the voice speaks; what it is called stays, saved or not. */
  usual() {
    const { label, aliases } = this.draft;
    this.draft = JSON.parse(JSON.stringify({ label, aliases }));
    this.build();
    this.next(async () => {
      const style = Object.keys(this.voice.profile.style);
      if (style.length) await this.change(Object.fromEntries(style.map((key) => [key, null])));
    });
  }
}

const address = (name) => `v1/voices/${encodeURIComponent(name)}`;

async function patch(name, changes) {
  await send(address(name), changes, "PATCH");
  await refreshVoices();
}
