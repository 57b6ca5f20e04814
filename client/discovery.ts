// What a server serves, asked of itself (apidiscovery.k8s.io/v2: two requests for everything, CustomResourceDefinitions too).
import type { AnyObject } from '../api/object.ts';
import type { Client, Resource } from './client.ts';

export interface Discovered extends Resource<AnyObject> {
  readonly verbs: ReadonlySet<string>;
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

interface GroupList {
  items?: {
    metadata?: { name?: string };
    versions?: {
      version: string;
      freshness?: string;
      resources?: { resource: string; responseKind?: { kind?: string }; scope?: string; verbs?: string[] }[];
    }[];
  }[];
}

/** Every resource in the version its group prefers, subresources aside. A group that cannot be asked now is left out. */
export async function discover(client: Client): Promise<Discovered[]> {
  const lists = await Promise.all(['/api', '/apis'].map((path) => client.read<GroupList>(path, AGGREGATED)));
  const found = new Map<string, Discovered>();
  for (const { metadata, versions = [] } of lists.flatMap(({ items = [] }) => items)) {
    const group = metadata?.name ?? '';
    for (const { version, resources = [] } of versions) {
      for (const { resource, responseKind, scope, verbs = [] } of resources) {
        const key = `${group}/${resource}`;
        if (found.has(key)) continue; // versions come in order of preference
        const namespaced = scope === 'Namespaced';
        const kind = responseKind?.kind ?? '';
        found.set(key, { group, version, plural: resource, kind, namespaced, verbs: new Set(verbs) });
      }
    }
  }
  return [...found.values()];
}
