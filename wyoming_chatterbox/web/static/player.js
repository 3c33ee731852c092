// Playing: a take is heard while it is made, can be paused, and played from anywhere.

import { RATE } from "./sound.js";

const RING_SECONDS = 9;
/** Seconds before the first sound of a schedule. */
const LEAD = 0.04;
/** Seconds before the end at which it is reached. */
const END = 0.01;

/** Plays through a ring buffer in an AudioWorklet, which is there only over https or at localhost. */
class RingOutput {
  constructor(context) {
    this.node = new AudioWorkletNode(context, "ring", { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.connect(context.destination);
    this.node.port.onmessage = ({ data }) => {
      if (data.tag !== this.tag) return;
      Object.assign(this, data);
      this.onMove?.();
    };
    this.tag = 0;
    this.clear();
  }

  clear() {
    Object.assign(this, { tag: this.tag + 1, sent: 0, played: 0, waits: 0, waited: 0 });
    this.node.port.postMessage({ clear: this.tag });
  }

  /** Take as much of these samples as there is room for. */
  push(samples, isWhole) {
    const room = RING_SECONDS * RATE - (this.sent - this.played);
    const part = samples.slice(0, Math.max(0, room));
    this.sent += part.length;
    this.node.port.postMessage({ samples: part, isWhole: isWhole && part.length === samples.length }, [part.buffer]);
  }
}

/** Plays the same where there is no AudioWorklet: piece after piece, at times that are planned ahead. */
class ScheduleOutput {
  constructor(context) {
    this.context = context;
    this.sources = new Set();
    this.clear();
  }

  clear() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
    Object.assign(this, { sent: 0, waits: 0, waited: 0, begun: null });
  }

  get played() {
    if (this.begun === null) return 0;
    return Math.max(0, Math.min(this.sent, Math.round((this.context.currentTime - this.begun) * RATE)));
  }

  push(samples) {
    if (!samples.length) return;
    const now = this.context.currentTime;
    this.begun ??= now + LEAD;
    const late = now - (this.begun + this.sent / RATE);
    if (late > 0) {
      this.waits += 1;
      this.waited += Math.round((late + LEAD) * RATE);
      this.begun += late + LEAD;
    }
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.start(this.begun + this.sent / RATE);
    source.onended = () => this.sources.delete(source);
    this.sources.add(source);
    this.sent += samples.length;
  }
}

export class Player {
  constructor() {
    this.take = null;
    this.from = 0;
    this.output = null;
    /** Called when it begins, pauses or goes on. */
    this.onChange = null;
  }

  /** Get ready to sound: a browser lets a page begin only while a person presses something. */
  async open() {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: RATE });
      this.context.addEventListener("statechange", () => this.onChange?.());
    }
    this.context.resume();
    this.opening ??= this.connect();
    await this.opening;
  }

  async connect() {
    try {
      await this.context.audioWorklet.addModule(new URL("ring.worklet.js", import.meta.url));
      this.output = new RingOutput(this.context);
    } catch {
      this.output = new ScheduleOutput(this.context);
    }
    this.output.onMove = () => this.feed();
  }

  async play(take, from = 0) {
    this.silence();
    Object.assign(this, { take, from, isTold: false });
    await this.open();
    if (this.take !== take) return;
    this.output.clear();
    this.feed();
    this.onChange?.();
  }

  /** Pass on what has come. */
  feed() {
    const { take, output } = this;
    if (!take || !output) return;
    const next = Math.round(this.from * RATE) + output.sent;
    if (next < take.count || (take.isDone && !this.isTold)) output.push(take.samples.slice(next, take.count), take.isDone);
    this.isTold = take.isDone;
    if (!take.isHeard && this.from === 0) {
      take.waits = output.waits;
      take.waited = output.waited / RATE;
      take.isHeard = this.isAtEnd;
    }
  }

  /** Seconds from the beginning of the take. */
  get position() {
    if (!this.take || !this.output) return 0;
    const at = this.from + this.output.played / RATE;
    return at > this.take.length - END ? this.take.length : at;
  }

  get isAtEnd() { return this.take.isDone && this.position === this.take.length; }

  get isPlaying() { return Boolean(this.take) && this.context?.state === "running" && !this.isAtEnd; }

  /** Pause, go on, or begin again. */
  toggle() {
    if (this.isPlaying) this.context.suspend();
    else if (this.isAtEnd) this.play(this.take);
    else this.context.resume();
  }

  /**
   * Play samples, or those that a promise brings, in place of the take. Return their source; null if `signal` has
   * aborted meanwhile, or something else was to be heard.
   */
  async beside(coming, signal) {
    this.silence();
    const turn = this.turn = {};
    this.take = null;
    this.output?.clear();
    const [samples] = await Promise.all([coming, this.open()]);
    if (this.turn !== turn || signal.aborted) return null;
    const buffer = this.context.createBuffer(1, Math.max(1, samples.length), RATE);
    buffer.copyToChannel(samples, 0);
    const source = this.side = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.start();
    return source;
  }

  /** End what plays in place of a take, or is about to. */
  silence() {
    this.turn = null;
    this.side?.stop();
    this.side = null;
  }
}

/** The page has one sound at a time. */
export const player = new Player();
