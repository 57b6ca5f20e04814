// Writes api/facts/presence.json: how Go holds each field of the served kinds, which OpenAPI does not tell. Run by hand after the
// facts change, with bare or ordinary clones of upstream's repositories at the release's tag:
//   node scripts/generate-presence.mjs v0.36.3 API_CLONE APIMACHINERY_CLONE APIEXTENSIONS_CLONE AGGREGATOR_CLONE
// Per definition: `omit`, fields whose zero value is left out; `print`, fields printed whatever they hold; every other field is a
// pointer. `types`, Go's type where it is not the one OpenAPI's type and format imply.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const [tag, api, apimachinery, apiextensions, aggregator] = process.argv.slice(2);
const openapi = JSON.parse(readFileSync(new URL('../api/facts/openapi-schemas.json', import.meta.url), 'utf8'));

/** A definition's name → where its Go package is. */
const PLACES = [
  [/^io\.k8s\.api\.(\w+)\.(\w+)\.\w+$/, api, (group, version) => `${group}/${version}`],
  [/^io\.k8s\.apimachinery\.pkg\.apis\.meta\.(v1)\.\w+$/, apimachinery, (version) => `pkg/apis/meta/${version}`],
  [
    /^io\.k8s\.apiextensions-apiserver\.pkg\.apis\.(\w+)\.(\w+)\.\w+$/,
    apiextensions,
    (group, version) => `pkg/apis/${group}/${version}`,
  ],
  [
    /^io\.k8s\.kube-aggregator\.pkg\.apis\.(\w+)\.(\w+)\.\w+$/,
    aggregator,
    (group, version) => `pkg/apis/${group}/${version}`,
  ],
];

const git = (clone, ...words) => execFileSync('git', ['-C', clone, ...words], { encoding: 'utf8', maxBuffer: 1 << 26 });
const packages = new Map();

/** The structs of a Go package: name → [{name, go, json, embedded}], and its other named types. */
function packageAt(clone, folder) {
  const key = `${clone}:${folder}`;
  if (packages.has(key)) return packages.get(key);
  const files = git(clone, 'ls-tree', '--name-only', tag, `${folder}/`)
    .split('\n')
    .filter((file) => /types[\w]*\.go$/.test(file));
  const text = files.map((file) => git(clone, 'show', `${tag}:${file}`)).join('\n');
  const structs = new Map();
  for (const [, name, body] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const fields = [];
    for (const line of body.split('\n')) {
      const field = line.match(/^\t(?:(\w+)\s+)?([\w.*[\]]+)\s+`(?:[^`]*\s)?json:"([^"]*)"/);
      if (!field) continue;
      const [json, ...flags] = field[3].split(',');
      fields.push({ json, flags, go: field[2], embedded: json === '' });
    }
    structs.set(name, fields);
  }
  packages.set(key, structs);
  return structs;
}

function fieldsOf(structs, name) {
  return (structs.get(name) ?? []).flatMap((field) =>
    field.embedded ? fieldsOf(structs, field.go.replace(/^.*\./, '').replace('*', '')) : [field],
  );
}

/** What Go calls the type that OpenAPI describes so; undefined for objects and references, whose names the definition tells. */
function implied(schema) {
  if (schema?.type === 'string' && schema.format === undefined) return 'string';
  if (schema?.type === 'boolean') return 'bool';
  if (schema?.type === 'integer') return schema.format ?? 'int';
  if (schema?.type === 'array' && implied(schema.items)) return `[]${implied(schema.items)}`;
  return undefined;
}

/** References that Go holds by value are structs: OpenAPI lays `default: {}` over those it prints as objects; times print as null. */
function isStruct(schema) {
  const reference = schema.allOf?.[0]?.$ref ?? schema.$ref ?? '';
  return JSON.stringify(schema.default) === '{}' || /\.(Time|MicroTime)$/.test(reference);
}

const facts = {};
let described = 0;
for (const [definition, schema] of Object.entries(openapi)) {
  if (!schema.properties) continue;
  const place = PLACES.find(([pattern]) => pattern.test(definition));
  if (!place) continue;
  const structs = packageAt(place[1], place[2](...definition.match(place[0]).slice(1)));
  const omit = [];
  const print = [];
  const types = {};
  for (const { json, flags, go } of fieldsOf(structs, definition.split('.').at(-1))) {
    // What an object is, is said before its fields are looked at.
    const isTypeMeta = 'x-kubernetes-group-version-kind' in schema && (json === 'apiVersion' || json === 'kind');
    if (!(json in schema.properties) || isTypeMeta) continue;
    described += 1;
    if (!go.startsWith('*')) {
      // Go's `omitempty` leaves no struct out, only `omitzero` does.
      const printed =
        !flags.includes('omitzero') && (!flags.includes('omitempty') || isStruct(schema.properties[json]));
      (printed ? print : omit).push(json);
    }
    const own = go.replace('*', '').replace(/(^|\])(?=[A-Z])/, '$1v1.');
    const expected = implied(schema.properties[json]);
    if (expected && own !== expected && !own.includes('Time')) types[json] = own.replace('metav1', 'v1');
  }
  const entry = {
    ...(omit.length && { omit }),
    ...(print.length && { print }),
    ...(Object.keys(types).length && { types }),
  };
  facts[definition] = entry;
}
const lines = Object.entries(facts).map(
  ([definition, entry]) => `${JSON.stringify(definition)}:${JSON.stringify(entry)}`,
);
writeFileSync(new URL('../api/facts/presence.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
const empty = Object.entries(facts)
  .filter(([, entry]) => Object.keys(entry).length === 0)
  .map(([definition]) => definition);
console.log(`${described} fields of ${lines.length} definitions; nothing to say of: ${empty.join(' ')}`);
