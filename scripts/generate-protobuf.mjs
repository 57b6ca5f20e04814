// Writes api/facts/protobuf.json: the field numbers of upstream's protobuf messages, which OpenAPI does not tell. Run by hand after the
// facts change, with folders that hold upstream's modules of the release (k8s.io/api, apimachinery, apiextensions-apiserver, kube-aggregator):
//   node scripts/generate-protobuf.mjs FOLDER…
// Per definition: field number → name in JSON. A number that maps to {"inline": DEFINITION} stands for a Go struct embedded in JSON.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openapi = JSON.parse(readFileSync(new URL('../api/facts/openapi-schemas.json', import.meta.url), 'utf8'));
const messages = new Map();

for (const folder of process.argv.slice(2)) {
  for (const entry of readdirSync(folder, { recursive: true })) {
    if (entry.endsWith('generated.proto')) readProto(readFileSync(join(folder, entry), 'utf8'));
  }
}

/** `k8s.io.api.core.v1` → `io.k8s.api.core.v1`, as OpenAPI names definitions. */
function definitionOf(name) {
  return name.replace(/^k8s\.io\./, 'io.k8s.');
}

function readProto(text) {
  const scope = definitionOf(/^package ([\w.]+);/m.exec(text)[1].replaceAll('_', '-'));
  for (const [, name, body] of text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields = [];
    for (const [, type, field, number] of body.matchAll(
      /^\s+(?:optional |repeated |required )?(map<[^>]+>|[\w.]+) (\w+) = (\d+);/gm,
    )) {
      const local = !/[.<]/.test(type) && /^[A-Z]/.test(type);
      fields.push({ type: local ? `${scope}.${type}` : definitionOf(type.replace(/^\./, '')), field, number });
    }
    messages.set(`${scope}.${name}`, fields);
  }
}

/** JSON names may differ from a message's in case, dashes and `$`. */
const plain = (name) => name.replace(/[-$_]/g, '').toLowerCase();
const out = {};
const unknown = [];

function describe(definition, properties) {
  const fields = {};
  for (const { type, field, number } of messages.get(definition) ?? []) {
    const name = field in properties ? field : Object.keys(properties).find((key) => plain(key) === plain(field));
    if (name) fields[number] = name;
    else if (messages.get(type)?.some((inner) => inner.field in properties)) {
      fields[number] = { inline: type };
      out[type] ??= describe(type, properties);
    } else unknown.push(`${definition}.${field}`);
  }
  return fields;
}

for (const [definition, schema] of Object.entries(openapi)) {
  // What is a string or a number in JSON has no properties; a message without fields has none either.
  const isEmpty = messages.get(definition)?.length === 0;
  if (isEmpty || (schema.properties && messages.has(definition))) {
    out[definition] = describe(definition, schema.properties ?? {});
  }
}
const rows = Object.entries(out).map(([name, fields]) => `${JSON.stringify(name)}:${JSON.stringify(fields)}`);
writeFileSync(new URL('../api/facts/protobuf.json', import.meta.url), `{\n${rows.join(',\n')}\n}\n`);
console.log(`${rows.length} messages; without a JSON field: ${unknown.join(' ') || 'none'}`);
