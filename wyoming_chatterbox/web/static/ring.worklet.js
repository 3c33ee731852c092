// A ring buffer on the thread of the sound: it plays what has come, and counts when it had to wait for more.

const SECONDS = 10;
const REPORT_FRAMES = 1200;

class Ring extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ring = new Float32Array(SECONDS * sampleRate);
    this.clear(0);
    this.port.onmessage = ({ data }) => {
      if ("clear" in data) this.clear(data.clear);
      if ("isWhole" in data) this.isWhole = data.isWhole;
      if (data.samples) this.write(data.samples);
    };
  }

  /** Numbers of samples; `tag` tells the reports after a jump from those before it. */
  clear(tag) {
    Object.assign(this, { tag, written: 0, played: 0, waits: 0, waited: 0, isWaiting: false, isWhole: false, sinceReport: 0 });
  }

  write(samples) {
    const at = this.written % this.ring.length;
    const fits = Math.min(samples.length, this.ring.length - at);
    this.ring.set(samples.subarray(0, fits), at);
    this.ring.set(samples.subarray(fits), 0);
    this.written += samples.length;
  }

  process(_, [[out]]) {
    const there = Math.min(out.length, this.written - this.played);
    for (let i = 0; i < there; i += 1) out[i] = this.ring[(this.played + i) % this.ring.length];
    this.played += there;
    const isDry = there < out.length && this.played > 0 && !this.isWhole;
    if (isDry) {
      if (!this.isWaiting) this.waits += 1;
      this.waited += out.length - there;
    }
    this.isWaiting = isDry;
    this.sinceReport += out.length;
    if (this.sinceReport >= REPORT_FRAMES) {
      this.sinceReport = 0;
      const { tag, played, waits, waited } = this;
      this.port.postMessage({ tag, played, waits, waited });
    }
    return true;
  }
}

registerProcessor("ring", Ring);
