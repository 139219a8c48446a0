// Talks to the server. Paths are relative, so that the page also works below a prefix.

export class Refusal extends Error {
  constructor(status, detail, hint) {
    super(detail);
    Object.assign(this, { status, hint });
  }
}

export function key(value) {
  if (value !== undefined) sessionStorage.setItem('argosight-key', value);
  return sessionStorage.getItem('argosight-key') || '';
}

export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key()) headers['X-API-Key'] = key();
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0, 'The server does not answer.', 'Is it still running?');
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, problem.detail || `${answer.status} ${answer.statusText}`, problem.hint || '');
}

export const address = path => new URL(path, document.baseURI).href;

export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return new URLSearchParams(given).toString();
}

export async function save(path, name, options) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await (await ask(path, options)).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
