// The control plane of these tests: our API server in the script's own process, on an address that the nodes can reach, and
// objects written into its store as a registry would, so that a test may say exactly what every proxy gets to see.
import { Catalogue } from '../../api/catalogue.ts';
import type { AnyObject, KubeObject } from '../../api/object.ts';
import { writeKubeconfig } from '../../apiserver/kubeconfig.ts';
import { encodeStored, keyFor } from '../../apiserver/registry/codec.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { MemoryStore } from '../../apiserver/storage/memory.ts';
import type { Op } from '../../apiserver/storage/store.ts';

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

/** One write. An object without `gone` is created or replaced. */
export type Write = { readonly put: KubeObject } | { readonly gone: Named };

export class ControlPlane {
  readonly kubeconfig: string;
  readonly #store: MemoryStore;
  readonly #catalogue = new Catalogue();
  readonly #objects = new Map<string, KubeObject>();
  #uids = 0;

  private constructor(kubeconfig: string, store: MemoryStore) {
    this.kubeconfig = kubeconfig;
    this.#store = store;
  }

  /** Listens on any port of `address`, for as long as this process lives; `kubeconfig` is the file to write. */
  static async start(address: string, kubeconfig: string): Promise<ControlPlane> {
    const store = new MemoryStore();
    const server = await startApiServer({ store, bindAddress: address });
    await writeKubeconfig(kubeconfig, { server: server.url, caCert: server.caCert, token: server.token });
    return new ControlPlane(kubeconfig, store);
  }

  /** All objects written and not deleted since, in the order of their first writing. */
  get objects(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  /** All in one commit; an object that is there keeps its uid. */
  async write(...writes: readonly Write[]): Promise<void> {
    await this.#store.commit(writes.map((write) => ('put' in write ? this.#put(write.put) : this.#delete(write.gone))));
  }

  put(...objects: readonly KubeObject[]): Promise<void> {
    return this.write(...objects.map((object) => ({ put: object })));
  }

  delete(...gone: readonly Named[]): Promise<void> {
    return this.write(...gone.map((one) => ({ gone: one })));
  }

  #put(object: KubeObject): Op {
    const { key, kind } = this.#place(object.kind as StoredKind, object.metadata.name);
    const known = this.#objects.get(key);
    this.#uids += known ? 0 : 1;
    const uid = known?.metadata.uid ?? `00000000-0000-4000-8000-${String(this.#uids).padStart(12, '0')}`;
    const creationTimestamp = '2025-01-01T00:00:00Z';
    const stored = { ...object, metadata: { ...object.metadata, uid, creationTimestamp } };
    this.#objects.set(key, stored);
    return { key, value: (revision) => encodeStored(kind, stored as AnyObject, revision) };
  }

  #delete({ kind, name }: Named): Op {
    const { key } = this.#place(kind, name);
    this.#objects.delete(key);
    return { key };
  }

  #place(name: StoredKind, object: string) {
    const [group, plural] = RESOURCES[name];
    const kind = this.#catalogue.byResource(group, 'v1', plural)!;
    return { kind, key: keyFor(kind, 'default', object) };
  }
}
