// Home Assistant: how to add the server, whether it has been found, and the way to the phone.

import { checks, make, set, show as reveal, ui } from "./dom.js";
import { elapsed, state } from "./server.js";
import { duration, number, t } from "./words.js";
import { generate } from "./vendor/lean-qr.js";

const QUIET_ZONE = 4;
const FRESH_SECONDS = 120;

const isLocal = (host) => ["localhost", "::1", "[::1]"].includes(host) || host.startsWith("127.");
const isInside = window.parent !== window;

export function show() {
  const { info } = state;
  if (!info) return;
  const { addresses = {}, home_assistant: seen, announced } = info;
  const { wyoming } = addresses;
  // A container doesn't know the address of its machine, but the browser may.
  const host = wyoming?.host ?? (isInside || isLocal(location.hostname) ? t("the address of the server's machine") : location.hostname);
  const isReached = Boolean(wyoming) && !isLocal(host);
  reveal(ui.address, isReached);
  reveal(ui.noAddress, !isReached);
  set(ui.host, host);
  set(ui.port, wyoming?.port);
  const names = state.voices?.voices.length ?? info.voices.length;
  const ago = seen ? seen.seconds + elapsed() : 0;
  checks(ui.checks, [
    isReached ? ["yes", t("The server listens on port {port}.", { port: wyoming.port })] : ["warn", t("The server listens for this machine only.")],
    announced ? ["yes", t("It announces itself as “{name}”.", { name: announced })]
      : ["warn", t("It doesn't announce itself to Home Assistant: --zeroconf turns that on.")],
    !seen ? ["warn", t("Home Assistant has not asked yet.")]
      : [ago < FRESH_SECONDS ? "yes" : "warn", t("Home Assistant asked {time} ago, from {peer}.", { time: duration(ago), peer: seen.peer })],
    names > 1 ? ["yes", t("Voices to choose from: {n}", { n: number(names, 0) })] : ["warn", t("There is only the model's own voice: add one of yours.")],
  ]);
  showCode(addresses.page);
}

function showCode(page) {
  // The address of a page inside Home Assistant works only there, and localhost only here.
  const here = page ?? (isInside || isLocal(location.hostname) ? "" : location.href.replace(/[?#].*/, ""));
  set(ui.here, here);
  set(ui.scan, here ? t("Scan this to open the page on a phone.")
    : isInside ? t("Open Home Assistant on the phone: this page is there too.")
      : t("Other devices can't reach this page: --http-host lets them."));
  reveal(ui.qr, here !== "");
  if (!here || ui.qr.dataset.shows === here) return;
  ui.qr.dataset.shows = here;
  const code = generate(here);
  const wide = code.size + 2 * QUIET_ZONE;
  let path = "";
  for (let y = 0; y < code.size; y += 1) for (let x = 0; x < code.size; x += 1) if (code.get(x, y)) path += `M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z`;
  ui.qr.setAttribute("viewBox", `0 0 ${wide} ${wide}`);
  ui.qr.replaceChildren(make("svg:path", { d: path }));
}
