// A video: sent as a job; its lines come while it is worked on, and are drawn over the file that the browser has itself.

import { ask, query, save } from './api.js';

const wait = seconds => new Promise(done => setTimeout(done, 1000 * seconds));

export class VideoJob {
  constructor(file, options, told) {
    Object.assign(this, { file, told, frames: [], status: null, stopped: new AbortController() });
    this.done = this.run(options);
  }

  async run(options) {
    const sent = await ask(`videos?${query(options)}`, {
      method: 'POST', body: this.file, headers: { 'Content-Type': 'application/octet-stream' }, signal: this.stopped.signal,
    });
    this.status = await sent.json();
    this.told();
    const reading = this.read().catch(() => {});
    while (['waiting', 'running'].includes(this.status.state)) {
      await wait(0.4);
      if (this.stopped.signal.aborted) return;
      this.status = await (await ask(this.path())).json();
      this.told();
    }
    await reading;
    this.told();
  }

  path(part = '') { return `videos/${this.status.id}${part}`; }

  async read() {
    while (this.status.state === 'waiting') await wait(0.2);
    const answer = await ask(this.path('/lines'), { signal: this.stopped.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) this.frames.push(JSON.parse(line));
      this.told();
    }
  }

  // The frame that is shown at a time: the last that is not later.
  at(seconds) {
    let low = 0, high = this.frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.frames[middle].time_s <= seconds + 0.02) low = middle + 1; else high = middle;
    }
    return low ? this.frames[low - 1] : null;
  }

  async cancel() {
    this.stopped.abort();
    if (!this.status) return;
    this.status = await (await ask(this.path(), { method: 'DELETE' })).json();
    this.told();
  }

  save(kind) {
    const stem = this.file.name.replace(/\.[^.]*$/, '');
    return kind === 'mp4' ? save(this.path('/video'), `${stem}-detections.mp4`) : save(this.path('/lines'), `${stem}.jsonl`);
  }
}
