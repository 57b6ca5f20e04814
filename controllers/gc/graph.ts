// Who owns whom, over all resources, as the garbage collector's watches tell it.
import type { KubeObject, OwnerReference } from '../../api/object.ts';
import type { Resource } from '../../client/client.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

export interface Item {
  readonly uid: string;
  readonly resource: Resource<KubeObject>;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly owners: readonly OwnerReference[];
  readonly finalizers: readonly string[];
  readonly deleting: boolean;
}

/** Being deleted, and waiting for what it owns to go first. */
export const waitsForDependents = ({ deleting, finalizers }: Item): boolean =>
  deleting && finalizers.includes(FOREGROUND);
/** Being deleted, and waiting for what it owns to be let go. */
export const waitsForOrphans = ({ deleting, finalizers }: Item): boolean => deleting && finalizers.includes(ORPHAN);

export class Graph {
  readonly #items = new Map<string, Item>();
  /** Owner uid → uids of what names it as owner; owners that no watch has told of included. */
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Item | undefined {
    return this.#items.get(uid);
  }

  dependentsOf(uid: string): Item[] {
    return [...(this.#dependents.get(uid) ?? [])].map((one) => this.#items.get(one)!);
  }

  /** Returns the item, and what was known of it before. */
  put(resource: Resource<KubeObject>, { metadata }: KubeObject): { item: Item; old: Item | undefined } {
    const uid = metadata.uid!;
    const old = this.#items.get(uid);
    const item: Item = {
      uid,
      resource: old?.resource ?? resource,
      name: metadata.name,
      namespace: metadata.namespace,
      owners: metadata.ownerReferences ?? [],
      finalizers: metadata.finalizers ?? [],
      deleting: metadata.deletionTimestamp !== undefined,
    };
    this.#unlink(old);
    this.#items.set(uid, item);
    for (const owner of item.owners) {
      const dependents = this.#dependents.get(owner.uid) ?? new Set();
      this.#dependents.set(owner.uid, dependents.add(uid));
    }
    return { item, old };
  }

  remove(uid: string): Item | undefined {
    const old = this.#items.get(uid);
    this.#unlink(old);
    this.#items.delete(uid);
    return old;
  }

  #unlink(item: Item | undefined): void {
    for (const owner of item?.owners ?? []) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(item!.uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}
