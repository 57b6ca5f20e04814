// The control plane of these tests: our API server in the script's own process, or upstream's beside it, on an address that the nodes
// can reach, and objects written into its store as a registry would, so that a test may say exactly what every proxy gets to see.
import { Catalogue } from '../../api/catalogue.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { writeKubeconfig } from '../../apiserver/kubeconfig.ts';
import { encodeStored, keyFor } from '../../apiserver/registry/codec.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { MemoryStore } from '../../apiserver/storage/memory.ts';
import type { Op } from '../../apiserver/storage/store.ts';
import { type Entry, startUpstream, type UpstreamServer } from './upstream-control-plane.ts';

export type StoredKind = 'Node' | 'Service' | 'EndpointSlice';

const RESOURCES: Readonly<Record<StoredKind, readonly [group: string, plural: string]>> = {
  Node: ['', 'nodes'],
  Service: ['', 'services'],
  EndpointSlice: ['discovery.k8s.io', 'endpointslices'],
};

export interface Named {
  readonly kind: StoredKind;
  readonly name: string;
}

/** Brings objects into the store of a server, all at once. */
type Commit = (entries: readonly Entry[]) => Promise<void>;

/** One write. An object without `gone` is created or replaced. */
export type Write = { readonly put: KubeObject } | { readonly gone: Named };

export class ControlPlane {
  readonly kubeconfig: string;
  readonly #commit: Commit;
  readonly #objects = new Map<string, KubeObject>();
  #uids = 0;

  private constructor(kubeconfig: string, commit: Commit) {
    this.kubeconfig = kubeconfig;
    this.#commit = commit;
  }

  /** Listens on any port of `address`, for as long as this process lives; `kubeconfig` is the file to write. */
  static async start(address: string, kubeconfig: string, upstream?: UpstreamServer): Promise<ControlPlane> {
    if (upstream) return new ControlPlane(kubeconfig, await startUpstream(upstream, { address, kubeconfig }));
    return new ControlPlane(kubeconfig, await startOurs(address, kubeconfig));
  }

  /** All objects written and not deleted since, in the order of their first writing. */
  get objects(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  /** All in one commit; an object that is there keeps its uid. */
  async write(...writes: readonly Write[]): Promise<void> {
    await this.#commit(writes.map((write) => ('put' in write ? this.#put(write.put) : this.#delete(write.gone))));
  }

  put(...objects: readonly KubeObject[]): Promise<void> {
    return this.write(...objects.map((object) => ({ put: object })));
  }

  delete(...gone: readonly Named[]): Promise<void> {
    return this.write(...gone.map((one) => ({ gone: one })));
  }

  #put(object: KubeObject): Entry {
    const { name } = object.metadata;
    const kind = object.kind!;
    const known = this.#objects.get(`${kind} ${name}`);
    this.#uids += known ? 0 : 1;
    const uid = known?.metadata.uid ?? `00000000-0000-4000-8000-${String(this.#uids).padStart(12, '0')}`;
    const creationTimestamp = '2025-01-01T00:00:00Z';
    const stored = { ...object, metadata: { ...object.metadata, uid, creationTimestamp } };
    this.#objects.set(`${kind} ${name}`, stored);
    return { kind, name, object: stored };
  }

  #delete({ kind, name }: Named): Entry {
    this.#objects.delete(`${kind} ${name}`);
    return { kind, name };
  }
}

async function startOurs(address: string, kubeconfig: string): Promise<Commit> {
  const catalogue = new Catalogue();
  const store = new MemoryStore();
  const server = await startApiServer({ store, bindAddress: address });
  await writeKubeconfig(kubeconfig, { server: server.url, caCert: server.caCert, token: server.token });
  const opOf = ({ kind: name, name: objectName, object }: Entry): Op => {
    const [group, plural] = RESOURCES[name as StoredKind];
    const kind = catalogue.byResource(group, 'v1', plural)!;
    const key = keyFor(kind, 'default', objectName);
    return object ? { key, value: (revision) => encodeStored(kind, object as AnyObject, revision) } : { key };
  };
  return async (entries) => void (await store.commit(entries.map(opOf)));
}
