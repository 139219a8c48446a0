// The panels beside the picture that only show: how long it took, and how far a video is.

const $ = id => document.getElementById(id);
const STAGES = { network: '#8a94a6', queue: '#c9cfd9', decode: '#cf4f12', preprocess: '#946c00', inference: '#2b50cc', postprocess: '#0b8064' };
const WORDS = { sending: 'Sending…', waiting: 'Waiting for its turn…', running: 'Looking…', done: 'Done', cancelled: 'Cancelled', failed: 'Failed' };

export function part(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function dot(fill) {
  const element = document.createElement('i');
  element.style.background = fill;
  return element;
}

export function showTime(measured, roundtrip) {
  $('speed').hidden = !measured;
  if (!measured) return;
  const server = Object.values(measured).reduce((sum, value) => sum + value, 0);
  const speed = { ...measured, network: Math.max(0, roundtrip - server) };
  $('total').textContent = `${roundtrip.toFixed(0)} ms`;
  const stages = Object.entries(STAGES).filter(([name]) => speed[name] > 0);
  $('bar').replaceChildren(...stages.map(([name, fill]) => {
    const element = dot(fill);
    element.style.width = `${100 * speed[name] / Math.max(roundtrip, server)}%`;
    return element;
  }));
  $('stages').replaceChildren(...stages.map(([name, fill]) =>
    part('li', {}, dot(fill), name, part('b', { textContent: `${speed[name].toFixed(1)} ms` }))));
}

export function showJob({ state = 'sending', progress = 0, frames = 0, seconds = 0, detail = '', truncated = false }) {
  const cut = truncated ? ' (cut off: it is longer than this server allows)' : '';
  $('state').textContent = WORDS[state] + (detail && `: ${detail}`) + cut;
  $('share').textContent = frames ? `${frames} frames, ${seconds.toFixed(1)} s` : '';
  $('progress').value = progress;
  $('cancel').hidden = ['done', 'failed', 'cancelled'].includes(state);
  $('mp4').disabled = $('lines').disabled = state !== 'done';
}
