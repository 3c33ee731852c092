// The microphone: a level to watch, and a recording.

export class Recorder {
  /** `meter` is called at each frame, with the peak, 0 to 1, and the seconds recorded so far. */
  constructor(meter) {
    this.meter = meter;
  }

  async open() {
    // What makes calls clearer makes voices duller.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    if (this.isClosed) {
      this.close();
      return;
    }
    this.context = new AudioContext();
    const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
    const block = new Float32Array(analyser.fftSize);
    this.context.createMediaStreamSource(this.stream).connect(analyser);
    const look = () => {
      if (this.context.state === "closed") return;
      analyser.getFloatTimeDomainData(block);
      const peak = block.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      this.meter(peak, this.isRecording ? (performance.now() - this.begun) / 1000 : 0);
      requestAnimationFrame(look);
    };
    look();
  }

  get isRecording() { return this.recorder?.state === "recording"; }

  /** Record until `stop`, or for so many seconds; return the bytes of a file. */
  record(most) {
    const parts = [];
    const recorder = this.recorder = new MediaRecorder(this.stream);
    this.begun = performance.now();
    const limit = setTimeout(() => this.stop(), 1000 * most);
    return new Promise((done) => {
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onstop = () => {
        clearTimeout(limit);
        done(new Blob(parts).arrayBuffer());
      };
      recorder.start();
    });
  }

  stop() {
    if (this.isRecording) this.recorder.stop();
  }

  close() {
    this.isClosed = true;
    this.stop();
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
  }
}
