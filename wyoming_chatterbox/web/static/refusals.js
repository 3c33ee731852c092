// What the server refuses, and what is wrong with a recording, in the page's words. The server says only which it is.

import { later, number, sentence, t } from "./words.js";

const REFUSALS = {
  "name-taken": later("There is a voice “{voice}” already."),
  "name-is-alias": later("“{name}” is a further name of the voice “{voice}” already."),
  "alias-taken": later("“{alias}” can't be used here: the voice “{voice}” has that name."),
  "name-long": later("The name is too long: it has {bytes} bytes, and {most} are the most."),
  "name-characters": later("A name can't have these characters: {characters}"),
  "name-hidden": later("The name has characters that can't be seen."),
  "name-stop": later("A name neither begins nor ends with a full stop."),
  "name-device": later("On Windows, “{name}” is a device and no file: choose another name."),
  "name-own": later("“{name}” is the model's own voice: choose another name."),
  "recording-empty": later("There is no sound in the recording."),
  "recording-silent": later("The recording is silent: nobody is heard in it."),
  "recording-short": later("The recording holds {speech} s of speech, and over {needed} s are needed."),
  "recording-pauses": later("The recording holds {speech} s of speech, but only {densest} s of it within {within} s, and over {needed} s are needed: leave out the long pauses."),
  "recording-unreadable": later("The recording is no sound file, or only a part of one."),
  "recording-damaged": later("The recording is damaged, or cut off."),
  "recording-kind": later("Files of this kind can't be used. These can: {kinds}"),
  "recording-large": later("The recording is over {megabytes} MB, which is the most."),
  "recording-used": later("Others use the recording {file} too: {by}. Delete them first."),
  "too-late": later("{name} can't be brought back any more: a deletion can be undone for {seconds} s."),
  "files-changed": later("The voice's files have changed meanwhile. Try again."),
  "folder-full": later("The disk that holds {folder} is full."),
  "folder-read-only": later("The server may not write into {folder}."),
  "folder-silent": later("The folder {folder} doesn't answer: is its disk, or its network share, there?"),
  "too-many-uploads": later("Other recordings are being received: try again in a moment."),
  "too-many-replies": later("The server speaks {most} texts at once, and does so already: try again in a moment."),
  "no-access": later("{client} may not use this server: it is in none of the networks of --http-allow and --http-proxy."),
  "unknown-host": later("This server is not known as {name}: use its IP address, or set --http-token."),
  "unexpected": later("Something unexpected happened: the log says more."),
};

/** Say what a problem is; in the server's words, which are English, if it is none of these. */
export function say(problem, text) {
  const words = REFUSALS[problem?.code];
  if (!words) return sentence(text);
  const values = Object.entries(problem.values).map(([name, value]) => [name, typeof value === "number" ? number(value) : value]);
  return t(words, Object.fromEntries(values));
}
