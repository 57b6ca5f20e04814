// Writes apiserver/http/protobuf-fields.json: the field numbers of every served kind's protobuf message, from the generated.proto
// files of upstream's Go modules. Run by hand after the facts change:
//   go mod download k8s.io/api@vX k8s.io/apimachinery@vX k8s.io/kube-aggregator@vX
//   node scripts/generate-protobuf.mjs "$(go env GOMODCACHE)/k8s.io" vX
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const [root, version] = process.argv.slice(2);
// CustomResourceDefinitions are not among them: their schemas' JSON is too far from their protobuf; clients send them as JSON.
const MODULES = ['api', 'apimachinery', 'kube-aggregator'];
const SCALARS = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'uint32', 'uint64', 'double', 'float']);
const definitions = JSON.parse(readFileSync(new URL('../api/facts/openapi-schemas.json', import.meta.url), 'utf8'));

/** `.k8s.io.api.core.v1.Pod` → `io.k8s.api.core.v1.Pod`, as OpenAPI names it; a bare name is of its own package. */
const qualify = (type, own) => {
  if (SCALARS.has(type)) return type;
  const full = type.startsWith('.') ? type.slice(1) : type.includes('.') ? type : `${own}.${type}`;
  return full.replace(/^k8s\.io\./, 'io.k8s.').replace('kube_aggregator', 'kube-aggregator');
};

const messages = {};
for (const module of MODULES) {
  const folder = `${root}/${module}@${version}`;
  for (const path of readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('generated.proto'))) {
    const text = readFileSync(`${folder}/${path}`, 'utf8').replace(/^\s*\/\/.*$/gm, '');
    const own = /^package ([\w.]+);/m.exec(text)[1];
    for (const [, name, body] of text.matchAll(/^message (\w+) \{([^}]*)\}/gm)) {
      const fields = {};
      for (const [, label, type, field, number] of body.matchAll(/(optional|repeated)\s+([\w.]+)\s+(\w+) = (\d+)/g)) {
        fields[number] = [field, qualify(type, own), ...(label === 'repeated' ? ['list'] : [])];
      }
      for (const [, type, field, number] of body.matchAll(/map<string,\s*([\w.]+)>\s+(\w+) = (\d+)/g)) {
        fields[number] = [field, qualify(type, own), 'map'];
      }
      messages[qualify(name, own)] = fields;
    }
  }
}

// A Go struct embedded in another is a field of its own in protobuf and none in JSON.
for (const [name, fields] of Object.entries(messages)) {
  const properties = definitions[name]?.properties;
  for (const field of Object.values(fields)) {
    const isPlain = SCALARS.has(field[1]) || field[2];
    if (properties && !isPlain && !properties[field[0]]) field[2] = 'inline';
  }
}

const kept = {};
const keep = (name) => {
  if (kept[name] || !messages[name]) return;
  kept[name] = messages[name];
  for (const [, type] of Object.values(messages[name])) keep(type);
};
for (const name of Object.keys(definitions)) keep(name);
const lines = Object.entries(kept).map(([name, fields]) => `${JSON.stringify(name)}:${JSON.stringify(fields)}`);
writeFileSync(
  new URL('../apiserver/http/protobuf-fields.json', import.meta.url),
  `{\n${lines.sort().join(',\n')}\n}\n`,
);
