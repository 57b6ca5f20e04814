// Imports run one way (CONTRIBUTING.md, "The house"): rooms use what lies below them, siblings never each other.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('..', import.meta.url).pathname;

const MAY_IMPORT: Record<string, readonly string[]> = {
  api: [],
  host: [],
  client: ['api', 'host'],
  apiserver: ['api', 'host'],
  controllers: ['api', 'host', 'client'],
  proxy: ['api', 'host', 'client'],
  node: ['api', 'host', 'client'],
  dns: ['api', 'host', 'client'],
  lab: ['api', 'host', 'client', 'apiserver', 'controllers', 'proxy', 'node', 'dns'],
};

/** The files of ours that `file` imports, relative to the root. */
function imported(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]);
  return specifiers.map((specifier) => relative(ROOT, normalize(join(ROOT, file, '..', specifier))));
}

/** `file` relative to the root → the rooms it imports and may not; tests may use the shared harness in test/. */
function crossings(file: string, text: string): string[] {
  const room = file.split('/')[0];
  const allowed = new Set([room, ...(MAY_IMPORT[room] ?? []), ...(file.endsWith('.test.ts') ? ['test'] : [])]);
  return imported(file, text)
    .map((target) => target.split('/')[0])
    .filter((target) => target in MAY_IMPORT || target === 'test' || target === 'bench')
    .filter((target) => !allowed.has(target))
    .map((target) => `${file} -> ${target}`);
}

/** A chain of files that ends where it begins; undefined when there is none. */
function circle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const found = visit(next, [...path, file]);
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const found = visit(file, []);
    if (found) return found;
  }
  return undefined;
}

/** A room that nobody has moved into yet has no folder. */
function sources(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

describe('imports between rooms', () => {
  it('run one way', () => {
    const files = Object.keys(MAY_IMPORT).flatMap(sources);
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap((file) => crossings(file, readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });

  it('are noticed when they run another way', () => {
    expect(crossings('proxy/plan.ts', "import { x } from '../node/pod.ts';")).toEqual(['proxy/plan.ts -> node']);
    expect(crossings('api/kind.ts', "import type { x } from '../host/log.ts';")).toEqual(['api/kind.ts -> host']);
    expect(crossings('api/kinds/pod.ts', "const m = await import('../../client/rest.ts');")).toEqual([
      'api/kinds/pod.ts -> client',
    ]);
    expect(crossings('proxy/iptables/rules.ts', "import { x } from '../plan.ts';")).toEqual([]);
  });

  it('never run in a circle', () => {
    const files = Object.keys(MAY_IMPORT).flatMap(sources);
    const graph = new Map(files.map((file) => [file, imported(file, readFileSync(join(ROOT, file), 'utf8'))]));
    expect(circle(graph)).toBeUndefined();
    expect(
      circle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']);
  });
});
