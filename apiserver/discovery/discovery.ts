// Discovery: which groups, versions and resources there are, in the old documents and the aggregated one.
import type { Catalogue } from '../../api/catalogue.ts';
import type { Kind, Subresource, Verb } from '../../api/kind.ts';
import { apiVersionOf } from '../../api/object.ts';

export class Discovery {
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  hasGroup(group: string): boolean {
    return this.#catalogue.kinds().some((kind) => kind.group === group);
  }

  /** `/api`. `address` is `host:port`. */
  versions(address: string): object {
    return {
      kind: 'APIVersions',
      versions: this.#versionsOf(''),
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
    };
  }

  /** `/apis`. */
  groups(): object {
    const names = this.#groupNames();
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: names.map((name) => this.#describe(name)) };
  }

  /** `/apis/GROUP`. */
  group(name: string): object | undefined {
    return this.hasGroup(name) ? { kind: 'APIGroup', apiVersion: 'v1', ...this.#describe(name) } : undefined;
  }

  /** `/api/v1`, `/apis/GROUP/VERSION`. */
  resources(group: string, version: string): object | undefined {
    const kinds = this.#kindsOf(group, version);
    if (kinds.length === 0) return undefined;
    return {
      kind: 'APIResourceList',
      // The core group's document has no apiVersion: it is older than the field.
      ...(group && { apiVersion: 'v1' }),
      groupVersion: apiVersionOf(group, version),
      resources: kinds.flatMap(resourcesOf).sort((a, b) => (a.name < b.name ? -1 : 1)),
    };
  }

  /** `/api` or `/apis` as one APIGroupDiscoveryList. */
  aggregated(root: string, version: 'v2' | 'v2beta1'): object {
    const groups = root === 'api' ? [''] : this.#groupNames();
    const items = groups.map((name) => ({
      metadata: { ...(name && { name }), creationTimestamp: null },
      versions: this.#versionsOf(name).map((one) => ({
        version: one,
        resources: this.#kindsOf(name, one).map(aggregatedResource),
        freshness: 'Current',
      })),
    }));
    return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
  }

  /** The paths `/` lists. */
  paths(): string[] {
    return this.#groupNames().flatMap((name) => [
      `/apis/${name}`,
      ...this.#versionsOf(name).map((version) => `/apis/${name}/${version}`),
    ]);
  }

  #describe(name: string): object {
    const versions = this.#versionsOf(name).map((version) => ({ groupVersion: apiVersionOf(name, version), version }));
    return { name, versions, preferredVersion: versions[0] };
  }

  #groupNames(): string[] {
    return [...new Set(this.#catalogue.kinds().map((kind) => kind.group))].filter((name) => name !== '');
  }

  #versionsOf(group: string): string[] {
    return [...new Set(this.#kinds(group).map((kind) => kind.version))];
  }

  #kinds(group: string): Kind[] {
    return this.#catalogue.kinds().filter((kind) => kind.group === group);
  }

  #kindsOf(group: string, version: string): Kind[] {
    return this.#kinds(group).filter((kind) => kind.version === version);
  }
}

const sorted = (verbs: ReadonlySet<Verb>): Verb[] => [...verbs].sort();

function resourcesOf(kind: Kind): Array<{ name: string }> {
  const { plural, singular, namespaced, shortNames, categories } = kind;
  const resource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: sorted(kind.verbs),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  };
  const subresources = [...kind.subresources].map(([name, sub]) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...foreign(kind, sub),
    kind: sub.kind,
    verbs: sorted(sub.verbs),
  }));
  return [resource, ...subresources];
}

/** Group and version of a subresource that speaks another group's kind. */
function foreign(kind: Kind, { group, version }: Subresource): object {
  return group === kind.group && version === kind.version ? {} : { ...(group && { group }), version };
}

function aggregatedResource(kind: Kind): object {
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind };
  const subresources = [...kind.subresources].map(([subresource, { group, version, kind: name, verbs }]) => ({
    subresource,
    responseKind: { group, version, kind: name },
    verbs: sorted(verbs),
  }));
  return {
    resource: kind.plural,
    responseKind,
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: sorted(kind.verbs),
    ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
    ...(kind.categories.length > 0 && { categories: kind.categories }),
    ...(subresources.length > 0 && { subresources }),
  };
}
