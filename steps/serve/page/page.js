// The page: a picture or a video in; boxes, counts, time, and the same as a command out.

import { Refusal, address, ask, key, query, save } from './api.js';
import { colour, draw } from './drawing.js';
import { dot, part, showJob, showTime } from './panels.js';
import { VideoJob } from './video.js';

const $ = id => document.getElementById(id);
const LEAST = 0.05;  // The confidence that is asked for, or less: the slider then needs no new question.

const state = { model: null, file: null, job: null, answer: null, asked: LEAST, roundtrip: 0, hidden: new Set(), moved: new Set(), lit: -1, heat: null };
let asking = null;

async function start() {
  try {
    const { models } = await (await ask('v1/models')).json();
    $('models').replaceChildren(...models.map(name => new Option(name)));
    $('models').hidden = models.length < 2;
    await choose(models[0]);
    $('unlock').hidden = true;
  } catch (error) { refuse(error); }
}

async function choose(name) {
  state.model = await (await ask(`model?${query({ name })}`)).json();
  const { version, classes, metrics } = state.model;
  const quality = metrics.map50 ? `, mAP50 ${metrics.map50.toFixed(2)}` : '';
  $('model').textContent = `${name}, version ${version}${quality}`;
  $('model').title = classes.join(', ');
  const shown = classes.slice(0, 6).join(', ') + (classes.length > 6 ? `, and ${classes.length - 6} more` : '');
  $('formats').textContent = `Finds: ${shown}`;
  state.hidden.clear();
  restore();
  if (state.file) await look(); else show();
}

function refuse(error) {
  if (error.name === 'AbortError') return;
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 401) $('unlock').hidden = false;
  $('problem').hidden = error.status === 401 && !key();
  $('problem').querySelector('b').textContent = error.message;
  $('problem').querySelector('span').textContent = error.hint;
}

// Until a slider is moved, the page asks and shows what the server answers to whoever asks for nothing else.
function restore() {
  state.moved.clear();
  $('conf').value = state.model.defaults.confidence;
  $('iou').value = state.model.defaults.iou;
}

const options = () => ({
  conf: state.moved.has('conf') ? $('conf').value : '', iou: state.moved.has('iou') ? $('iou').value : '',
  model: $('models').length > 1 ? $('models').value : '',
});

function threshold(name) {
  const { confidence, per_class } = state.model.defaults;
  return state.moved.has('conf') ? Number($('conf').value) : per_class[name] ?? confidence;
}

const least = () => Math.min(LEAST, ...state.model.classes.map(threshold));

async function take(file) {
  if (!file) return;
  if (state.job) state.job.cancel().catch(() => {});
  Object.assign(state, { file, job: null, answer: null, heat: null, lit: -1 });
  const isVideo = file.type.startsWith('video/'), shown = isVideo ? $('video') : $('picture');
  for (const element of [$('picture'), $('video')]) {
    if (element.src) URL.revokeObjectURL(element.src);
    element.removeAttribute('src');
    element.hidden = element !== shown;
  }
  shown.src = URL.createObjectURL(file);
  $('picture').alt = isVideo ? '' : file.name;
  $('name').textContent = file.name;
  $('size').textContent = '';
  $('drop').hidden = true;
  $('shown').hidden = false;
  $('job').hidden = !isVideo;
  $('save').hidden = isVideo;
  await look();
}

async function look() {
  if (!state.model) return start();
  asking?.abort();
  asking = new AbortController();
  $('problem').hidden = true;
  $('stage').classList.add('busy');
  state.heat = null;
  try {
    if (state.file.type.startsWith('video/')) await lookAtVideo(); else await lookAtPicture(asking.signal);
  } catch (error) { refuse(error); } finally { $('stage').classList.remove('busy'); }
  show();
}

async function lookAtPicture(signal) {
  const began = performance.now();
  state.asked = least();
  const answer = await ask(`predict?${query({ ...options(), conf: state.asked })}`, {
    method: 'POST', body: state.file, headers: { 'Content-Type': 'application/octet-stream' }, signal,
  });
  state.answer = await answer.json();
  state.roundtrip = performance.now() - began;
}

async function lookAtVideo() {
  if (state.job) await state.job.cancel();
  state.answer = null;
  state.job = new VideoJob(state.file, options(), show);
  await state.job.done;
}

const found = () => {
  const image = state.job ? state.job.at($('video').currentTime) : state.answer?.images[0];
  return image && { ...image, results: image.results.filter(box => box.confidence > threshold(box.name)) };
};

function show() {
  showSliders();
  showCommand();
  if (state.job) showJob(state.job.status ?? {});
  const image = found();
  $('count').textContent = image ? image.results.length : '–';
  showClasses(image);
  if (!image) { $('list').replaceChildren(); return drawBoxes(null); }
  $('size').textContent = `${image.shape[1]} × ${image.shape[0]}`;
  showList(image);
  showTime(image.speed, state.roundtrip);
  const spelled = state.job ? image : { ...state.answer, images: [image] };
  $('json').textContent = JSON.stringify(spelled, null, 1).replace(/\{\s+("x1"[^}]+?)\s+\}/g, (_, box) => `{ ${box.replace(/\s+/g, ' ')} }`);
  drawBoxes(image);
}

function showSliders() {
  if (!state.model) return;
  const { confidence, iou, per_class } = state.model.defaults, own = Object.entries(per_class);
  $('conf-value').textContent = (state.moved.has('conf') ? Number($('conf').value) : confidence).toFixed(2);
  $('iou-value').textContent = (state.moved.has('iou') ? Number($('iou').value) : iou).toFixed(2);
  const some = own.slice(0, 4).map(([name, value]) => `${name} ${value.toFixed(2)}`).join(', ');
  const served = own.length ? `; but ${some}${own.length > 4 ? `, and ${own.length - 4} more` : ''}` : '';
  $('conf-note').textContent = `Boxes the model is surer of than this${state.moved.has('conf') ? '' : served}`;
  $('own').hidden = !state.moved.size;
}

function drawBoxes(image) {
  const under = state.job ? $('video') : $('picture');
  if (!image) { $('boxes').width = 0; return; }
  const boxes = image.results.filter(box => !state.hidden.has(box.class));
  draw($('boxes'), under, image.shape, boxes, state.lit, state.heat);
}

function showClasses(image) {
  const counts = new Map();
  for (const box of image?.results ?? []) counts.set(box.class, (counts.get(box.class) ?? 0) + 1);
  const names = state.model?.classes ?? [];
  $('classes').replaceChildren(...[...counts].sort(([a], [b]) => a - b).map(([label, count]) => {
    const button = part('button', { type: 'button' }, dot(colour(label)), names[label] ?? label, part('b', { textContent: count }));
    button.setAttribute('aria-pressed', String(!state.hidden.has(label)));
    button.onclick = () => {
      if (!state.hidden.delete(label)) state.hidden.add(label);
      show();
    };
    return part('li', {}, button);
  }));
}

function showList(image) {
  const boxes = image.results.filter(box => !state.hidden.has(box.class));
  $('list').replaceChildren(...boxes.slice(0, 100).map((box, at) => {
    const why = part('button', { type: 'button', textContent: 'Why?', title: 'Show what this box hangs on' });
    why.hidden = Boolean(state.job);
    why.onclick = () => explain(box, at);
    const row = part('li', {}, dot(colour(box.class)), part('span', { textContent: box.name }), part('b', { textContent: box.confidence.toFixed(2) }), why);
    row.classList.toggle('lit', state.lit === at);
    row.onpointerenter = () => { state.lit = at; row.classList.add('lit'); drawBoxes(found()); };
    row.onpointerleave = () => { state.lit = -1; row.classList.remove('lit'); drawBoxes(found()); };
    return row;
  }));
}

async function explain(box, at) {
  $('stage').classList.add('busy');
  try {
    const b64 = await new Promise(done => {
      const reader = Object.assign(new FileReader(), { onload: () => done(reader.result.split(',')[1]) });
      reader.readAsDataURL(state.file);
    });
    const rank = state.answer.images[0].results.findIndex(other => other.confidence === box.confidence && other.box.x1 === box.box.x1);
    const body = JSON.stringify({
      instances: [{ image: { b64 } }], parameters: { conf: state.asked, ...(state.moved.has('iou') && { iou: Number($('iou').value) }), box: rank },
    });
    const answer = await ask(`v1/models/${state.model.name}:explain`, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
    [state.heat] = (await answer.json()).explanations;
    state.lit = at;
  } catch (error) { refuse(error); } finally { $('stage').classList.remove('busy'); }
  show();
}

function showCommand() {
  const given = query(options()), name = (state.file?.name ?? 'picture.jpg').replaceAll("'", "'\\''");
  const lock = key() ? " \\\n  -H 'X-API-Key: …'" : '';
  $('curl').textContent = `curl -F 'file=@${name}'${lock} \\\n  '${address(state.job ? 'videos' : 'predict')}?${given}'`;
}

$('file').onchange = event => take(event.target.files[0]);
$('again').onclick = () => $('file').click();
$('save').onclick = () => save(`predict?${query({ ...options(), format: 'png' })}`, `${state.file.name.replace(/\.[^.]*$/, '')}-detections.png`,
  { method: 'POST', body: state.file, headers: { 'Content-Type': 'application/octet-stream' } }).catch(refuse);
$('cancel').onclick = () => state.job.cancel().catch(refuse);
$('mp4').onclick = () => state.job.save('mp4').catch(refuse);
$('lines').onclick = () => state.job.save('lines').catch(refuse);
$('conf').oninput = () => { state.moved.add('conf'); state.heat = null; show(); };
$('conf').onchange = () => { if (state.file && !state.job && $('conf').value < state.asked) look(); };
$('iou').oninput = () => { state.moved.add('iou'); show(); };
$('iou').onchange = () => { if (state.file) look(); };
$('own').onclick = () => { restore(); if (state.file) look(); else show(); };
$('models').onchange = event => choose(event.target.value).catch(refuse);
$('unlock').onsubmit = event => { event.preventDefault(); key($('key').value); $('problem').hidden = true; start(); };
$('picture').onload = show;
for (const name of ['timeupdate', 'seeked', 'loadeddata']) $('video').addEventListener(name, show);
$('video').addEventListener('play', function follow() {
  if (!state.job || $('video').paused) return;
  show();
  requestAnimationFrame(follow);
});
window.addEventListener('resize', () => drawBoxes(found()));
window.addEventListener('paste', event => take([...event.clipboardData.files][0]));
for (const name of ['dragover', 'dragleave', 'drop']) {
  window.addEventListener(name, event => {
    event.preventDefault();
    $('stage').classList.toggle('over', name === 'dragover');
    if (name === 'drop') take(event.dataTransfer.files[0]);
  });
}
for (const id of ['curl', 'json']) {
  $(`tab-${id}`).onclick = () => {
    for (const other of ['curl', 'json']) {
      $(other).hidden = other !== id;
      $(`tab-${other}`).setAttribute('aria-selected', String(other === id));
    }
  };
}
$('copy').onclick = async () => {
  await navigator.clipboard.writeText($($('curl').hidden ? 'json' : 'curl').textContent);
  $('copy').textContent = 'Copied';
  setTimeout(() => { $('copy').textContent = 'Copy'; }, 1500);
};

show();
start();
