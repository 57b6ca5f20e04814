// The garbage collector: deletes what has lost its last owner, holds owners until what they own is gone (foreground), and
// lets dependents go when asked to (orphan) (upstream pkg/controller/garbagecollector).

import type { AnyObject } from '../../api/object.ts';
import { type KubeObject, type OwnerReference, parseApiVersion } from '../../api/object.ts';
import { isReason } from '../../api/status.ts';
import type { Resource } from '../../client/client.ts';
import type { Handlers } from '../../client/informer.ts';
import { runWorkers } from '../../client/workers.ts';
import type { Controller, Environment } from '../environment.ts';
import { FOREGROUND, Graph, type Item, ORPHAN, waitsForDependents, waitsForOrphans } from './graph.ts';
import { Monitors } from './monitors.ts';

/** ms between looks at what the server serves. A new CustomResourceDefinition is looked at once. */
const REDISCOVER_MS = 30_000;
/** ms the first lists may take together: a resource that cannot be listed must not stop the collection of all others. */
const SYNC_MS = 5_000;
/** Uids known to be gone: a uid never comes back, so they are only forgotten to bound memory. */
const ABSENT_LIMIT = 1_000;

const customResourceDefinitions: Resource<AnyObject> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

export function garbageCollector(environment: Environment): Controller {
  const { client, clock, log, options, informers } = environment;
  const queue = environment.queue('garbage_collector_attempt_to_delete');
  const graph = new Graph();
  const absent = new Set<string>();
  const monitors = new Monitors({ client, clock, log, handlers });
  let rediscover = new AbortController();

  const look = (): void => rediscover.abort();
  informers.of(customResourceDefinitions).addHandlers({ add: look, update: look, delete: look });

  function handlers(resource: Resource<KubeObject>): Handlers<KubeObject> {
    const put = (object: KubeObject): void => {
      const { item, old } = graph.put(resource, object);
      if (item.owners.length > 0 || item.deleting) queue.add(item.uid);
      if (item.deleting && !old?.deleting) wakeDependents(item.uid);
      wakeWaiting(old?.owners ?? []);
    };
    return { add: put, update: put, delete: ({ metadata }) => forget(metadata.uid!) };
  }

  function forget(uid: string): void {
    remember(uid);
    const old = graph.remove(uid);
    wakeDependents(uid);
    wakeWaiting(old?.owners ?? []);
  }

  function remember(uid: string): void {
    absent.add(uid);
    if (absent.size > ABSENT_LIMIT) absent.delete(absent.values().next().value!);
  }

  function wakeDependents(uid: string): void {
    for (const dependent of graph.dependentsOf(uid)) queue.add(dependent.uid);
  }

  /** Owners that wait for their dependents look again. */
  function wakeWaiting(owners: readonly OwnerReference[]): void {
    for (const { uid } of owners) {
      const owner = graph.get(uid);
      if (owner && waitsForDependents(owner)) queue.add(uid);
    }
  }

  async function reconcile(uid: string): Promise<void> {
    const item = graph.get(uid);
    if (!item) return;
    if (waitsForOrphans(item)) return orphanDependents(item);
    if (waitsForDependents(item)) return finishForeground(item);
    if (item.deleting || item.owners.every(isHere)) return;
    const live = await read(item);
    if (live?.metadata.uid === uid && !live.metadata.deletionTimestamp) await judge(item, live);
  }

  /** What becomes of an owner, its watch tells, and wakes those it owned. */
  function isHere({ uid }: OwnerReference): boolean {
    const owner = graph.get(uid);
    return owner !== undefined && !waitsForDependents(owner);
  }

  async function judge(item: Item, found: KubeObject): Promise<void> {
    let live = found;
    const owners = live.metadata.ownerReferences ?? [];
    const states = await Promise.all(owners.map((owner) => stateOf(owner, item.namespace)));
    const solid = owners.filter((_, i) => states[i] === 'solid');
    if (owners.length === 0 || solid.length === owners.length) return;
    if (solid.length > 0) {
      await writeMetadata(item, live, { ownerReferences: solid });
      return;
    }
    const waiting = states.includes('waiting') && graph.dependentsOf(item.uid).length > 0;
    if (waiting && graph.dependentsOf(item.uid).some(waitsForDependents)) live = await stepOutOfCircle(item, live);
    const { finalizers = [], uid, resourceVersion } = live.metadata;
    const propagationPolicy = finalizers.includes(ORPHAN)
      ? 'Orphan'
      : waiting || finalizers.includes(FOREGROUND)
        ? 'Foreground'
        : 'Background';
    const at = { name: item.name, namespace: item.namespace };
    await unlessGone(client.delete(item.resource, at, { propagationPolicy, preconditions: { uid, resourceVersion } }));
  }

  /** What is owned and waits may wait for this object in turn, by whatever way: its own owners no longer wait for it. */
  async function stepOutOfCircle(item: Item, live: KubeObject): Promise<KubeObject> {
    const owners = live.metadata.ownerReferences ?? [];
    if (!owners.some(({ blockOwnerDeletion }) => blockOwnerDeletion)) return live;
    const ownerReferences = owners.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    return (await writeMetadata(item, live, { ownerReferences })) ?? live;
  }

  /** `waiting`: deleted itself as soon as this object is gone. */
  async function stateOf(owner: OwnerReference, namespace: string | undefined): Promise<'solid' | 'waiting' | 'gone'> {
    if (absent.has(owner.uid)) return 'gone';
    const known = graph.get(owner.uid);
    if (known) return waitsForDependents(known) ? 'waiting' : 'solid';
    const { group } = parseApiVersion(owner.apiVersion);
    const resource = monitors.resourceOf(group, owner.kind);
    if (!resource) throw new Error(`owner of kind ${owner.apiVersion} ${owner.kind}: no such kind is served`);
    const live = await read({ resource, name: owner.name, namespace: resource.namespaced ? namespace : undefined });
    if (live?.metadata.uid === owner.uid) return 'solid';
    remember(owner.uid);
    return 'gone';
  }

  async function finishForeground(item: Item): Promise<void> {
    const blocking = graph
      .dependentsOf(item.uid)
      .filter(({ owners }) => owners.some(({ uid, blockOwnerDeletion }) => uid === item.uid && blockOwnerDeletion));
    if (blocking.length === 0) return removeFinalizer(item, FOREGROUND);
    for (const dependent of blocking) if (!dependent.deleting) queue.add(dependent.uid);
  }

  async function orphanDependents(item: Item): Promise<void> {
    await Promise.all(
      graph.dependentsOf(item.uid).map(async (dependent) => {
        const live = await read(dependent);
        const owners = live?.metadata.ownerReferences ?? [];
        const others = owners.filter(({ uid }) => uid !== item.uid);
        if (live && others.length < owners.length) await writeMetadata(dependent, live, { ownerReferences: others });
      }),
    );
    await removeFinalizer(item, ORPHAN);
  }

  async function removeFinalizer(item: Item, finalizer: string): Promise<void> {
    const live = await read(item);
    const finalizers = live?.metadata.finalizers ?? [];
    if (!live || live.metadata.uid !== item.uid || !finalizers.includes(finalizer)) return;
    await writeMetadata(item, live, { finalizers: finalizers.filter((one) => one !== finalizer) });
  }

  async function writeMetadata(
    { resource, name, namespace }: Item,
    live: KubeObject,
    fields: { ownerReferences?: OwnerReference[]; finalizers?: string[] },
  ): Promise<KubeObject | undefined> {
    const { uid, resourceVersion } = live.metadata;
    const listed = Object.entries(fields).map(([field, list]) => [field, list.length > 0 ? list : null]);
    const patch = { metadata: { uid, resourceVersion, ...Object.fromEntries(listed) } };
    return unlessGone(client.patch(resource, { name, namespace }, patch));
  }

  async function read(at: Pick<Item, 'resource' | 'name' | 'namespace'>): Promise<KubeObject | undefined> {
    return unlessGone(client.get(at.resource, { name: at.name, namespace: at.namespace }));
  }

  /** Looks at what the server serves now and then, and when a CustomResourceDefinition changed. */
  async function follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      rediscover = new AbortController();
      await clock.sleep(REDISCOVER_MS, AbortSignal.any([signal, rediscover.signal])).catch(() => {}); // woken early
      if (!signal.aborted) await refresh();
    }
  }

  async function refresh(): Promise<void> {
    await monitors
      .refresh()
      .catch((error: Error) => log.warn({ controller: 'garbagecollector', error: error.message }, 'discovery failed'));
  }

  return {
    name: 'garbagecollector',
    async run(signal) {
      try {
        await refresh();
        await Promise.race([monitors.synced(), clock.sleep(SYNC_MS, signal)]).catch(() => {}); // aborted: ends below
        const work = {
          queue,
          concurrency: options.concurrentSyncs * 2,
          reconcile,
          onError: (key: string, error: unknown) =>
            log.debug({ controller: 'garbagecollector', key, error: (error as Error).message }, 'will retry'),
        };
        await Promise.all([runWorkers(work, signal), follow(signal)]);
      } finally {
        await monitors.close();
      }
    },
  };
}

async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
