// The picture of a recording on its card. Only cards in view are drawn, and only they take memory: there may be hundreds.

import { make } from "./dom.js";
import { draw } from "./sound.js";

const loudest = new WeakMap();
const inView = new Set();
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) {
      inView.delete(target);
      target.width = 0;
      continue;
    }
    inView.add(target);
    drawOutline(target);
  }
});

/** Draw it; the share up to `played` was played. */
export function drawOutline(canvas, played = 0) {
  const peaks = loudest.get(canvas);
  draw(canvas, peaks, peaks.length, played);
}

/** Draw anew what is in view, in other colours or another width. */
export const redraw = () => inView.forEach((canvas) => drawOutline(canvas));

/** A canvas for the server's `peaks`: two hexadecimal digits each. */
export function outline(peaks) {
  const canvas = make("canvas.outline", { ariaHidden: "true" });
  loudest.set(canvas, Float32Array.from(peaks.match(/../g), (digits) => parseInt(digits, 16) / 255));
  watcher.observe(canvas);
  return canvas;
}

window.addEventListener("resize", redraw);
