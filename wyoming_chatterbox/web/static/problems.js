// Why Chatterbox can't speak, as a plain cause, and what to check. The server says only which it is.

import { later, sentence, size, t } from "./words.js";

const ONLINE = later("Can another program on this machine reach {host}?");
const BY_HAND = later("Without internet: copy the model's files into {place}.");
const SPACE = [later("The disk that holds {place} is full."), [
  later("Free some space there, or choose another place with --download-dir."),
  later("A smaller model needs less: nano is the smallest."),
]];
const AGAIN = later("Try again: damaged files are downloaded anew.");

const PROBLEMS = {
  "dns": [later("This machine can't find {host}: it has no internet, or its DNS doesn't work."),
    [ONLINE, later("In Docker: does the container have a DNS server?"), BY_HAND]],
  "refused": [later("{host} refuses the connection: a firewall may be in the way."), [ONLINE, BY_HAND]],
  "timeout": [later("{host} doesn't answer in time: the connection is slow, or blocked."), [ONLINE, BY_HAND]],
  "tls": [later("The secure connection to {host} fails."), [
    later("Are this machine's date and time right?"),
    later("If a proxy reads the traffic: does this machine trust its certificate?"),
  ]],
  "proxy": [later("The proxy doesn't let the download through."),
    [later("Check HTTPS_PROXY and NO_PROXY in the server's environment."), BY_HAND]],
  "not-found": [later("{host} doesn't have the model's files."),
    [later("Check --model and --model-revision."), later("A newer version of this server may know the new place.")]],
  "forbidden": [later("{host} doesn't give the files away without permission."),
    [later("Does the model need an account? Set HF_TOKEN in the server's environment."), BY_HAND]],
  "disk-full": SPACE,
  "no-space": SPACE,
  "checksum": [later("A downloaded file is damaged."), [AGAIN, later("If it happens again: is the disk, or a proxy, at fault?")]],
  "files-missing": [later("Files of the model are missing in {place}."),
    [later("Copy them there, or let the server download them: without --local-files-only.")]],
  "files-broken": [later("Files of the model in {place} can't be read."), [later("Delete them and try again."), AGAIN]],
  "out-of-memory": [later("The memory is too small for this model."), [
    later("The tab Memory shows which model fits this machine."),
    later("Stop other programs that need much memory, or set --quantization int8."),
  ]],
  "no-device": [later("The device that the settings ask for isn't there."), [
    later("Set --device auto, or cpu."),
    later("In Docker: was the graphics card passed to the container?"),
  ]],
  "not-numbers": [later("The model computes no sound on this device in this precision."), [later("Set --dtype float32.")]],
  "hung": [later("The model doesn't answer any more. The server waits for it, and restarts it."),
    [later("If it happens again: copy the details into an issue, please.")]],
  "offline": [later("The model isn't on this machine, and the settings forbid downloads."),
    [BY_HAND, later("Or start the server without --local-files-only.")]],
};

/** A cause and a list of checks for a status that failed. */
export function explain(status) {
  const [cause, advice] = PROBLEMS[status.problem?.code] ?? [];
  if (!cause) return { cause: sentence(status.error), advice: [sentence(status.hint)].filter(Boolean) };
  const known = status.problem.values ?? {};
  const folder = known.file?.replace(/[\\/][^\\/]*$/, "");
  const given = Object.entries(known).map(([name, value]) => [name, name.includes("bytes") ? size(value) : value]);
  const values = { host: "huggingface.co", place: folder || t("the folder of the models"), ...Object.fromEntries(given) };
  return { cause: t(cause, values), advice: advice.map((line) => t(line, values)) };
}
