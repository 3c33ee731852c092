// Copying, and the settings that a person copies.

import { make, toast } from "./dom.js";
import { keep } from "./server.js";
import { later, t } from "./words.js";

/** Copy a text, also over http, where there is no clipboard. */
export async function copy(text) {
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    const focused = document.activeElement;
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    isCopied = document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
  toast(isCopied ? t("Copied") : t("The browser doesn't let this page copy anything."));
}

/** How an option is written for each way to start the server. */
const WAYS = {
  flag: [later("flags"), ([name, value]) => `--${name.replaceAll("_", "-")} ${/\s/.test(value) ? `"${value}"` : value}`, " "],
  env: [later("a .env file (Docker)"), ([name, value]) => `CHATTERBOX_${name.toUpperCase()}=${value}`, "\n"],
  app: [later("the app in Home Assistant"), ([name, value]) => `${name}: ${value}`, "\n"],
};

/** What to set, `[[option, value], ...]`, to choose in which form, and to copy. */
export function settingToCopy(options) {
  const code = make("code");
  const write = (way) => {
    const [, line, between] = WAYS[way];
    code.textContent = options.map(line).join(between);
  };
  const way = make("select", Object.entries(WAYS).map(([value, [label]]) => new Option(t(label), value)));
  way.value = keep("way") ?? "flag";
  if (!way.value) way.value = "flag";
  way.addEventListener("change", () => {
    keep("way", way.value);
    write(way.value);
  });
  write(way.value);
  const button = make("button.plain", { onclick: () => copy(code.textContent) }, t("Copy setting"));
  return [make("label", t("The server is set up with"), way), make("p.copyline", code, button),
    make("p.quiet", t("It takes effect when the server starts again."))];
}
