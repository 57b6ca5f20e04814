// A responder over the recorded cluster, in this process: for tests that look at single packets.
import { readFileSync } from 'node:fs';
import type { KubeList, KubeObject } from '../../api/object.ts';
import { Catalog, type PodMode } from '../../dns/catalog/catalog.ts';
import type { Table } from '../../dns/catalog/table.ts';
import { DnsMetrics } from '../../dns/metrics.ts';
import { Resolver } from '../../dns/resolver.ts';
import { Responder } from '../../dns/responder.ts';
import { nameOf } from '../../dns/wire/name.ts';
import { silentLogger } from '../../host/log.ts';

export interface Recorded {
  readonly responder: Responder;
  readonly metrics: DnsMetrics;
  /** Every name that a recorded query asks for. */
  readonly names: readonly string[];
}

/** `folder` holds the recordings. */
export function recorded(folder: string, pods: PodMode = 'insecure'): Recorded {
  const { items } = JSON.parse(readFileSync(`${folder}/objects.json`, 'utf8')) as KubeList;
  const catalog = new Catalog(pods, () => {});
  const fill = <T extends KubeObject>(table: Table<T, unknown>, kind: string): void =>
    table.replace(items.filter((one) => one.kind === kind) as unknown as T[]);
  fill(catalog.services, 'Service');
  fill(catalog.slices, 'EndpointSlice');
  fill(catalog.namespaces, 'Namespace');
  fill(catalog.pods, 'Pod');
  const clusterZone = nameOf('cluster.local')!;
  const resolver = new Resolver({ catalog, clusterZone, ttl: 30, ownAddresses: ['10.244.0.10'], serial: () => 1 });
  const metrics = new DnsMetrics('dns://:53');
  const cases = JSON.parse(readFileSync(`${folder}/cases.json`, 'utf8')) as { query: object | object[] }[];
  const asked = cases.flatMap(({ query }) => query as { name?: string } | { name?: string }[]);
  const names = [...new Set(asked.flatMap(({ name }) => name ?? []))];
  return { responder: new Responder({ resolver, metrics, log: silentLogger }), metrics, names };
}
