// Writes api/facts/descriptions.json: what `kubectl explain` prints of every definition and field, from the doc comments of
// @kubernetes/client-node's declarations. Run by hand after the facts or that package change: node scripts/generate-descriptions.mjs
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const facts = JSON.parse(readFileSync(new URL('../api/facts/openapi-schemas.json', import.meta.url), 'utf8'));
const models = new URL('../node_modules/@kubernetes/client-node/dist/gen/models/', import.meta.url);
const out = new URL('../api/facts/descriptions.json', import.meta.url);

const capital = (word) => word[0].toUpperCase() + word.slice(1);

/** `io.k8s.api.core.v1.Event` is CoreV1Event when its short name V1Event would be ambiguous. */
function declarationOf(definition) {
  const [group, version, name] = definition.split('.').slice(-3);
  const names = [`${capital(group)}${capital(version)}${name}`, `${capital(version)}${name}`];
  const files = names.map((one) => new URL(`${one}.d.ts`, models));
  const file = files.find((one) => existsSync(one));
  return file && readFileSync(file, 'utf8');
}

/** The generator renames what JavaScript reserves and what is no identifier: `_from`, `x_kubernetes_int_or_string`. */
function fieldName(property) {
  const name = property.replace(/^_/, '');
  return name.startsWith('x_kubernetes') ? name.replaceAll('_', '-') : name;
}

function prose(comment) {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\*\s?/, ''));
  return lines.join('\n').replaceAll('\\"', '"').replaceAll('*_/', '*/').trim();
}

function described(declaration) {
  const found = {};
  const about = /\/\*\*((?:(?!\*\/).)*)\*\/\s*export declare class/s.exec(declaration);
  if (about) found[''] = prose(about[1]);
  for (const [, comment, property] of declaration.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s*'([^']+)'\??:/gs)) {
    found[fieldName(property)] = prose(comment);
  }
  return found;
}

// One text stands in many definitions: each is kept once, and named by its place in `texts`.
const texts = [];
const places = new Map();
const place = (text) => {
  if (!places.has(text)) places.set(text, texts.push(text) - 1);
  return places.get(text);
};

const definitions = {};
for (const [definition, { properties = {} }] of Object.entries(facts)) {
  const declaration = declarationOf(definition);
  if (!declaration) continue;
  const found = Object.entries(described(declaration)).filter(
    ([field, text]) => text && (!field || field in properties),
  );
  if (found.length > 0)
    definitions[definition] = Object.fromEntries(found.map(([field, text]) => [field, place(text)]));
}
writeFileSync(out, `${JSON.stringify({ texts, definitions })}\n`);
