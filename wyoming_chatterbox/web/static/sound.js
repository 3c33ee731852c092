// Sound: samples as they arrive, WAV, and drawing. 24 kHz, mono.

export const RATE = 24000;
const WAV_HEADER = 44;

/** One reply, which grows while it is made. */
export class Take {
  constructor(text, voice) {
    Object.assign(this, { text, voice, count: 0, first: null, made: null, isDone: false, waits: 0, waited: 0 });
    this.samples = new Float32Array(8 * RATE);
    this.begun = performance.now();
    this.stop = new AbortController();
    this.odd = null;
  }

  get length() { return this.count / RATE; }

  get sound() { return this.samples.subarray(0, this.count); }

  get seconds() { return (performance.now() - this.begun) / 1000; }

  /** Add bytes of 16-bit samples; a sample may be cut in two. */
  add(bytes) {
    let all = bytes;
    if (this.odd !== null) {
      all = new Uint8Array(bytes.length + 1);
      all[0] = this.odd;
      all.set(bytes, 1);
    }
    this.odd = all.length % 2 ? all[all.length - 1] : null;
    const more = all.length >> 1;
    if (this.count + more > this.samples.length) {
      const roomier = new Float32Array(2 * (this.count + more));
      roomier.set(this.samples);
      this.samples = roomier;
    }
    const view = new DataView(all.buffer, all.byteOffset);
    for (let i = 0; i < more; i += 1) this.samples[this.count + i] = view.getInt16(2 * i, true) / 32768;
    this.count += more;
    this.first ??= this.seconds;
  }
}

/** A WAV file. */
export function wav(samples) {
  const view = new DataView(new ArrayBuffer(WAV_HEADER + 2 * samples.length));
  const words = [0x52494646, 0, 0x57415645, 0x666d7420, 0, 0, 0, 0, 0, 0x64617461];
  words.forEach((word, i) => view.setUint32(4 * i, word));
  view.setUint32(4, view.byteLength - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => view.setInt16(WAV_HEADER + 2 * i, 32767 * Math.max(-1, Math.min(1, sample)), true));
  return new Blob([view], { type: "audio/wav" });
}

/** Decode what the browser can. */
export async function decode(data) {
  const whole = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(data);
  const context = new OfflineAudioContext(1, Math.max(1, Math.ceil(whole.duration * RATE)), RATE);
  const source = new AudioBufferSourceNode(context, { buffer: whole });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

const BAR = 4;

/** Draw samples as bars; `total` samples fill the width, the share up to `at` was played, `from` to `to` is chosen. */
export function draw(canvas, samples, total, at, from = 0, to = 1) {
  const scale = window.devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  if (!wide) return;
  if (canvas.width !== Math.round(wide * scale)) [canvas.width, canvas.height] = [Math.round(wide * scale), Math.round(high * scale)];
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const [played, waiting, none] = ["--accent", "--c4", "--edge"].map((name) => style.getPropertyValue(name));
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, wide, high);
  const bars = Math.floor(wide / BAR);
  for (let bar = 0; bar < bars; bar += 1) {
    const begin = Math.floor((bar / bars) * total);
    const end = Math.min(samples.length, Math.max(begin + 1, Math.floor(((bar + 1) / bars) * total)));
    let peak = 0;
    for (let i = begin, step = Math.max(1, (end - begin) >> 7); i < end; i += step) peak = Math.max(peak, Math.abs(samples[i]));
    const place = bar / bars;
    const tall = Math.max(2, Math.min(high, 1.5 * peak * high));
    pen.fillStyle = begin >= samples.length || place < from || place > to ? none : place < at ? played : waiting;
    pen.fillRect(bar * BAR, (high - tall) / 2, BAR - 1, tall);
  }
}
