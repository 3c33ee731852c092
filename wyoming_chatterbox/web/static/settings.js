// Settings: every option with its value and where that comes from; the log; a report.

import { copy } from "./copy.js";
import { fill, make, onPress, toast, ui } from "./dom.js";
import { ask, get, readLog, state } from "./server.js";
import { language, later, sentence, t } from "./words.js";

const KINDS = { default: later("default"), file: later("file {name}"), dotenv: later("{name} in .env"), environment: later("{name} in the environment"), flag: later("flag {name}"), app: later("the app's {name}") };

let options = null;
let asked = false;

export function show(what) {
  if (!asked && what !== "clock") {
    asked = true;
    get("config").then((config) => { options = config.options; showOptions(); }).catch(failed);
    readLog().catch(failed);
  }
  if (what === undefined) showOptions();
  if (what === undefined || what === "log") showLog();
}

const failed = ({ message }) => {
  asked = false;
  toast(message);
};

function written({ value, set: isSet }) {
  if (isSet) return "•••••";
  if (value === null || value === undefined || value.length === 0) return "–";
  if (typeof value === "boolean") return value ? t("on") : t("off");
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** A flag that turns an option off is no name for one that is on. */
const shownName = ({ flag, name }) => (flag?.startsWith("--no-") ? name : flag);

function showOptions() {
  if (!options) return;
  const word = ui.findSetting.value.trim().toLowerCase();
  const found = options.filter(({ name, flag, help, group, source }) => (!ui.changed.checked || source.kind !== "default")
    && `${name} ${flag} ${help} ${group}`.toLowerCase().includes(word));
  fill(ui.options, found, ({ name }) => name, (option) => make(option.source.kind === "default" ? "tr" : "tr.set",
    make("td", make("code", shownName(option)), make("small", { lang: "en" }, sentence(option.help))),
    make("td", written(option), option.became === null || option.became === undefined ? null : make("small", t("became {value}", { value: written({ value: option.became }) }))),
    make("td.quiet", t(KINDS[option.source.kind] ?? "{name}", { name: option.source.name }))));
}

function showLog() {
  if (!state.log) return;
  const atEnd = ui.log.scrollTop + ui.log.clientHeight >= ui.log.scrollHeight - 30;
  const lines = state.log.map(({ time, level: kind, text }) => `${new Date(1000 * time).toLocaleTimeString(language)} ${/info|debug/i.test(kind) ? "" : `${kind.toUpperCase()} `}${text}\n`).join("");
  const before = ui.log.firstChild;
  // What is there stays, with its selection.
  if (before && lines.startsWith(before.data)) before.appendData(lines.slice(before.data.length));
  else ui.log.replaceChildren(lines);
  if (atEnd) ui.log.scrollTop = ui.log.scrollHeight;
}

ui.findSetting.addEventListener("input", showOptions);
ui.changed.addEventListener("change", showOptions);
onPress(ui.report, async () => copy(await (await ask("report")).text()));
