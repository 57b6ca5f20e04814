// What it costs to know who owns which field (metadata.managedFields): CPU per write, beside what reading and writing its JSON costs.
import { Catalogue } from '../api/catalogue.ts';
import type { Kind } from '../api/kind.ts';
import { type AnyObject, copyOf } from '../api/object.ts';
import { decode } from '../api/schema/decode.ts';
import { applyDefaults } from '../api/schema/defaults.ts';
import { apply } from '../apiserver/managed-fields/apply.ts';
import type { Entry, Manager } from '../apiserver/managed-fields/entries.ts';
import { versionsOf } from '../apiserver/managed-fields/ownership.ts';
import { type FieldFilter, resetFields } from '../apiserver/managed-fields/reset-fields.ts';
import { type Change, track, zeroOf } from '../apiserver/managed-fields/track.ts';
import type { Bench, Row } from './table.ts';

const NOW = '2026-01-01T00:00:00Z';
const METADATA = { name: 'web', namespace: 'default', labels: { app: 'web' } };

const OBJECTS: readonly AnyObject[] = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: METADATA, data: { one: '1', two: '2' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: METADATA,
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: METADATA,
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'web:1', ports: [{ containerPort: 80 }] }] },
      },
    },
  },
];

/** Time slices of a quarter of `seconds` for each of the four things a write may be. */
async function run({ seconds, signal }: Parameters<Bench['run']>[0]): Promise<Row[]> {
  const catalogue = new Catalogue();
  const rows: Row[] = [];
  for (const object of OBJECTS) {
    if (signal.aborted) break;
    const group = object.apiVersion!.split('/').slice(0, -1).join('');
    rows.push(rowOf(catalogue, catalogue.byKind(group, 'v1', object.kind!)!, object, (seconds / 4) * 1e6));
  }
  return rows;
}

function rowOf(catalogue: Catalogue, kind: Kind, object: AnyObject, slice: number): Row {
  const decoded = (change: object = {}): AnyObject => {
    const next = decode(kind, { ...copyOf(object), ...change }, { validation: 'Ignore' }).object;
    applyDefaults(kind, next);
    return next;
  };
  const version = object.apiVersion!;
  const manager: Manager = { manager: 'bench', operation: 'Update', apiVersion: version };
  const filter = (): FieldFilter | undefined => resetFields(kind, '');
  const terms = { version, versions: versionsOf(catalogue, kind), filter };
  const next = decoded();
  const created: Change = { ...terms, old: zeroOf(kind.schema), next, entries: [] };
  const entries: readonly Entry[] = track(created, manager, NOW);
  const relabelled = decoded({ metadata: { ...METADATA, labels: { app: 'other' } } });
  const application = {
    ...{ live: next, config: object, entries, manager: { ...manager, operation: 'Apply' as const }, force: true },
    ...{ schema: kind.schema, versions: terms.versions, filter, now: NOW },
  };
  const again = copyOf(next);
  const text = JSON.stringify(object);
  const [create, update, same, applied, json] = [
    () => track(created, manager, NOW),
    () => track({ ...terms, old: next, next: relabelled, entries }, manager, NOW),
    () => track({ ...terms, old: next, next: again, entries }, manager, NOW),
    () => apply(application),
    () => JSON.stringify(JSON.parse(text)),
  ].map((write) => cost(write, slice));
  const measured = `create ${create}, update ${update}, update of nothing ${same}, apply ${applied} µs of CPU (its JSON read and written: ${json})`;
  return { what: `ownership of a ${object.kind}`, measured };
}

/** µs of CPU, once the code is warm; `slice` in µs of CPU, half of it for warming. */
function cost(write: () => unknown, slice: number): string {
  spend(write, slice / 2);
  return spend(write, slice / 2).toFixed(1);
}

function spend(write: () => unknown, slice: number): number {
  const start = process.cpuUsage();
  for (let count = 1; ; count++) {
    write();
    if (count % 256 > 0) continue;
    const { user, system } = process.cpuUsage(start);
    if (user + system > slice) return (user + system) / count;
  }
}

export const ownership: Bench = { name: 'ownership', run };
