// Writes api/facts/descriptions.json: what `kubectl explain` prints of every definition and field, from what upstream's API server says
// in its OpenAPI documents. Run by hand after the facts change: node scripts/generate-descriptions.mjs KUBECONFIG
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const facts = JSON.parse(readFileSync(new URL('../api/facts/openapi-schemas.json', import.meta.url), 'utf8'));
const out = new URL('../api/facts/descriptions.json', import.meta.url);
const [kubeconfig] = process.argv.slice(2);

function read(path) {
  const words = ['--kubeconfig', kubeconfig, 'get', '--raw', path];
  return JSON.parse(execFileSync('kubectl', words, { maxBuffer: 2 ** 26 }));
}

// One text stands in many definitions: each is kept once, and named by its place in `texts`.
const texts = [];
const places = new Map();
const place = (text) => {
  if (!places.has(text)) places.set(text, texts.push(text) - 1);
  return places.get(text);
};

const definitions = {};
for (const { serverRelativeURL } of Object.values(read('/openapi/v3').paths)) {
  for (const [name, { description, properties = {} }] of Object.entries(
    read(serverRelativeURL).components?.schemas ?? {},
  )) {
    if (!(name in facts) || name in definitions) continue;
    const said = [['', description], ...Object.entries(properties).map(([field, about]) => [field, about.description])];
    const found = said.filter(([, text]) => text).map(([field, text]) => [field, place(text)]);
    if (found.length > 0) definitions[name] = Object.fromEntries(found);
  }
}
writeFileSync(out, `${JSON.stringify({ texts, definitions })}\n`);
