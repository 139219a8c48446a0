// Shows openapi.json: what the server takes and answers, and a command for each.

import { address, ask } from './api.js';

const $ = id => document.getElementById(id);

function part(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter(child => child !== null));
  return element;
}

const plain = text => (text ?? '').replaceAll('`', '').replace(/\s*\n(?!\n)\s*/g, ' ').trim();

function typeOf(schema, components) {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.oneOf || schema.anyOf) return [...new Set((schema.oneOf ?? schema.anyOf).map(one => typeOf(one, components)))].join(' or ');
  if (schema.enum) return schema.enum.join(' | ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items, components) || 'anything'}`;
  const range = [schema.minimum, schema.maximum].some(bound => bound !== undefined) ? ` ${schema.minimum ?? ''}…${schema.maximum ?? ''}` : '';
  return (schema.format === 'binary' ? 'file' : schema.format === 'byte' ? 'base64' : schema.type ?? 'any') + range;
}

function fieldRows(properties, required, components) {
  return part('div', { className: 'rows' }, ...Object.entries(properties).flatMap(([name, schema]) => [
    part('code', { textContent: name + (required.includes(name) ? ' *' : '') }),
    part('span', { className: 'soft', textContent: typeOf(schema, components) }),
    part('span', { className: 'wide', textContent: plain(schema.description) + (schema.default !== undefined && schema.default !== '' ? ` Default: ${schema.default}` : '') }),
  ]));
}

function resolve(schema, components) {
  return schema?.$ref ? components[schema.$ref.split('/').pop()] : schema;
}

function command(method, path, body) {
  const url = address(path.slice(1).replaceAll('{name}', 'MODEL').replaceAll('{version}', '1').replaceAll('{number}', 'ID'));
  const lines = [`curl ${method === 'get' ? '' : body ? '' : `-X ${method.toUpperCase()} `}'${url}'`];
  if (body?.['multipart/form-data']) lines.push(`-F file=@${path.startsWith('/videos') ? 'video.mp4' : 'picture.jpg'}`);
  else if (body?.['application/json']) lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(body['application/json'].example ?? {})}'`);
  return lines.join(' \\\n  ');
}

function operation(method, path, { summary, description, parameters = [], requestBody, responses }, components) {
  const body = requestBody?.content, id = `${method}${path.replace(/\W+/g, '-')}`;
  const json = resolve(body?.['application/json']?.schema, components);
  const named = new Set(parameters.map(one => one.name));
  const fields = Object.entries(json?.properties ?? {}).filter(([name]) => !named.has(name));
  const good = Object.entries(responses).find(([status]) => status < 300);
  const example = good?.[1].content?.['application/json']?.example;
  const answer = resolve(good?.[1].content?.['application/json']?.schema, components);
  const query = parameters.filter(one => one.in !== 'header');
  return part('article', { className: 'operation', id },
    part('h3', {}, part('span', { className: 'method', textContent: method.toUpperCase() }), path),
    part('p', { textContent: (description ?? summary ?? '').split('\n\n').map(plain).join('\n\n') }),
    query.length ? part('h4', { textContent: 'Parameters' }) : null,
    query.length ? fieldRows(Object.fromEntries(query.map(one => [one.name, { ...one.schema, description: one.description ?? one.schema.description }])),
      query.filter(one => one.required).map(one => one.name), components) : null,
    body ? part('h4', { textContent: `Body: ${Object.keys(body).join(', ')}${query.some(one => one.in === 'query') ? '; forms and JSON may hold the parameters' : ''}` }) : null,
    fields.length ? fieldRows(Object.fromEntries(fields), json.required ?? [], components) : null,
    part('h4', { textContent: 'Try it' }),
    part('pre', { textContent: command(method, path, body) }),
    part('h4', { textContent: 'Answers' }),
    part('div', { className: 'rows' }, ...Object.entries(responses).flatMap(([status, one]) => [
      part('span', { className: `status ${status < 300 ? 'good' : 'wrong'}`, textContent: status }),
      part('span', { className: 'soft', textContent: Object.keys(one.content ?? {}).map(kind => kind.replace('application/', '')).join(', ') }),
      part('span', { className: 'wide', textContent: plain(one.description) }),
    ])),
    example ? part('pre', { textContent: JSON.stringify(example, null, 1) }) : null,
    !example && answer?.properties ? fieldRows(answer.properties, [], components) : null,
  );
}

const { info, paths, components } = await (await ask('openapi.json')).json();
$('version').textContent = `version ${info.version}`;
const groups = new Map();
for (const [path, methods] of Object.entries(paths)) {
  for (const [method, one] of Object.entries(methods)) {
    const group = one.tags?.at(-1) ?? 'Other';
    groups.set(group, [...(groups.get(group) ?? []), operation(method, path, one, components.schemas)]);
  }
}
$('reference').replaceChildren(...[...groups].flatMap(([name, articles]) => [part('h2', { textContent: name }), ...articles]));
$('contents').replaceChildren(...[...groups].flatMap(([name, articles]) => [
  part('b', { textContent: name }),
  ...articles.map(article => part('a', { href: `#${article.id}`, textContent: article.querySelector('h3').innerText.replace(/\s+/g, ' ') })),
]));
if (location.hash) document.querySelector(location.hash)?.scrollIntoView();
