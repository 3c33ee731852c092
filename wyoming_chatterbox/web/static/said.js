// What is said of a text, utterance by utterance.

import { fill, make, ui } from "./dom.js";
import { send } from "./server.js";

let asking = null;

/** Show what would be said of a text in a voice. */
export async function tell(input, voice) {
  asking?.abort();
  const { signal } = asking = new AbortController();
  let lines = [];
  try {
    if (input) lines = (await (await send("said", { input, voice }, "POST", signal)).json()).said;
  } catch ({ message }) {
    lines = [message];
  }
  if (!signal.aborted) fill(ui.said, lines.map((text, i) => [i, text]), ([i]) => i, ([, text]) => make("li", make("bdi", text)));
}
