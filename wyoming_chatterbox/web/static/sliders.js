// Settings of the way of speaking, as sliders: those that the model heeds, and what is done to any model's sound.

import { make, set } from "./dom.js";
import { later, number, t } from "./words.js";

/** Name, lowest, highest, usual. */
const SETTINGS = {
  exaggeration: [later("Expressiveness"), 0, 2, 0.5],
  cfg_weight: [later("Closeness to the text"), 0, 1, 0.5],
  temperature: [later("Temperature"), 0.05, 2, 0.8],
  speed: [later("Speed"), 0.5, 2, 1],
};

/** The settings that make a difference, by name. */
export const settings = (heeds) => Object.keys(SETTINGS).filter((name) => name === "speed" || heeds.includes(name));

/** Sliders for `values`, which they change; a setting that is null stays as usual. */
export function sliders(values, heeds, changed = () => {}) {
  return settings(heeds).map((name) => {
    const [label, min, max, usual] = SETTINGS[name];
    const says = () => (typeof values[name] === "number" ? number(values[name], 2) : t("as usual"));
    const output = make("output", says());
    const input = make("input", { type: "range", min, max, step: 0.05, value: String(values[name] ?? usual), ariaValueText: says() });
    input.dataset.do = name;
    input.addEventListener("input", () => {
      values[name] = Number(input.value);
      set(output, says());
      input.ariaValueText = says();
      changed();
    });
    return make("label", t(label), input, output);
  });
}
