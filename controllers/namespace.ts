// The namespace controller: empties a namespace that is being deleted, then lets it go
// (upstream pkg/controller/namespace/deletion).
import type { AnyObject } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { Namespace, NamespaceCondition } from '../api/types/core.v1.ts';
import type { Resource } from '../client/client.ts';
import { type Discovered, discover } from '../client/discovery.ts';
import { namespaces, pods } from '../client/resources.ts';
import { rfc3339 } from '../host/clock.ts';
import { withCondition } from './conditions.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { controlLoop } from './loop.ts';

const FINALIZER = 'kubernetes';
/** ms between looks at what is left: doubled each time, since finalizers and grace periods take their time. */
const LOOK = { firstMs: 50, mostMs: 5_000 };
/** Resources emptied at the same time. */
const PARALLEL = 8;

interface Remains {
  /** `plural.group` → how many objects are left. */
  readonly counts: Map<string, number>;
  readonly finalizers: Map<string, number>;
  readonly errors: string[];
}

export function namespaceController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('namespace');
  const cache = informers.of(namespaces);
  const podCache = informers.of(pods);
  const looks = new Map<string, number>();
  const enqueue = ({ metadata }: Namespace): void => {
    if (metadata.deletionTimestamp) queue.add(metadata.name);
  };
  cache.addHandlers({ add: enqueue, update: enqueue, delete: ({ metadata }) => looks.delete(metadata.name) });
  podCache.addHandlers({ delete: ({ metadata }) => looks.has(metadata.namespace!) && queue.add(metadata.namespace!) });

  async function reconcile(name: string): Promise<void> {
    const namespace = cache.get(name);
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(FINALIZER)) return;
    const remains: Remains = { counts: new Map(), finalizers: new Map(), errors: [] };
    const served = (await discover(client)).filter(({ namespaced, verbs }) => namespaced && canEmpty(verbs));
    const isPods = ({ group, plural }: Discovered): boolean => group === '' && plural === 'pods';
    await emptyAll(served.filter(isPods), name, remains);
    // What pods may still need, such as policies on their traffic, stays until they have ended (KEP-5080).
    if (isEmptied(remains))
      await emptyAll(
        served.filter((one) => !isPods(one)),
        name,
        remains,
      );
    const current = await writeConditions(namespace, remains);
    if (isEmptied(remains)) return finalize(current);
    const look = looks.get(name) ?? 0;
    looks.set(name, look + 1);
    queue.addAfter(name, Math.min(LOOK.firstMs * 2 ** look, LOOK.mostMs));
  }

  async function emptyAll(resources: Discovered[], namespace: string, remains: Remains): Promise<void> {
    await Promise.all(
      Array.from({ length: PARALLEL }, async () => {
        for (let next = resources.pop(); next; next = resources.pop()) await empty(next, namespace, remains);
      }),
    );
  }

  async function empty(resource: Discovered, namespace: string, remains: Remains): Promise<void> {
    const metadataOnly: Resource<AnyObject> = { ...resource, representation: 'PartialObjectMetadata' };
    const said = resource.group ? `${resource.plural}.${resource.group}` : `${resource.plural}.`;
    try {
      const before = await client.list(metadataOnly, { namespace });
      if (before.items.length === 0) return;
      const left = before.items.filter(({ metadata }) => !metadata.deletionTimestamp);
      if (left.length > 0) {
        if (resource.verbs.has('deletecollection')) {
          await client.deleteCollection(resource, { namespace }, { propagationPolicy: 'Background' });
        } else await Promise.all(left.map(({ metadata }) => client.delete(resource, metadata)));
      }
      const after = left.length > 0 ? await client.list(metadataOnly, { namespace }) : before;
      if (after.items.length > 0) remains.counts.set(said, after.items.length);
      for (const finalizer of after.items.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
        remains.finalizers.set(finalizer, (remains.finalizers.get(finalizer) ?? 0) + 1);
      }
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isReason(error, 'MethodNotAllowed')) {
        remains.errors.push(`${said}: ${(error as Error).message}`);
      }
    }
  }

  async function writeConditions(namespace: Namespace, remains: Remains): Promise<Namespace> {
    const old = namespace.status?.conditions;
    let conditions = old ?? [];
    // A namespace that empties at the first look needs no report.
    const quiet = !old && isEmptied(remains);
    if (quiet) return namespace;
    for (const condition of conditionsOf(remains, rfc3339(clock.now())))
      conditions = withCondition(conditions, condition);
    if (isEqual(conditions, old)) return namespace;
    return client.update(namespaces, { ...namespace, status: { ...namespace.status, conditions } }, 'status');
  }

  async function finalize(namespace: Namespace): Promise<void> {
    const finalizers = namespace.spec?.finalizers?.filter((one) => one !== FINALIZER) ?? [];
    looks.delete(namespace.metadata.name);
    await client
      .update(namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, 'finalize')
      .catch((error: unknown) => {
        if (!isReason(error, 'NotFound')) throw error;
      });
  }

  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'namespace', queue, informers: [cache, podCache], concurrency, reconcile }, environment);
}

const isEmptied = ({ counts, errors }: Remains): boolean => counts.size === 0 && errors.length === 0;

const canEmpty = (verbs: ReadonlySet<string>): boolean => verbs.has('list') && verbs.has('delete');

function conditionsOf({ counts, finalizers, errors }: Remains, now: string): NamespaceCondition[] {
  const state = (type: string, status: boolean, reason: string, message: string): NamespaceCondition => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
    lastTransitionTime: now,
  });
  const listed = (what: Map<string, number>, join: string): string =>
    [...what]
      .map(([name, count]) => `${name} ${join} ${count} resource instances`)
      .sort()
      .join(', ');
  const discovered = 'All resources successfully discovered';
  const parsed = 'All legacy kube types successfully parsed';
  const deleted = 'All content successfully deleted, may be waiting on finalization';
  return [
    state('NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', discovered),
    state('NamespaceDeletionGroupVersionParsingFailure', false, 'ParsedGroupVersions', parsed),
    errors.length > 0
      ? state(
          'NamespaceDeletionContentFailure',
          true,
          'ContentDeletionFailed',
          `Failed to delete all resource types, ${errors.length} remaining: ${errors.join(', ')}`,
        )
      : state('NamespaceDeletionContentFailure', false, 'ContentDeleted', deleted),
    counts.size > 0
      ? state(
          'NamespaceContentRemaining',
          true,
          'SomeResourcesRemain',
          `Some resources are remaining: ${listed(counts, 'has')}`,
        )
      : state('NamespaceContentRemaining', false, 'ContentRemoved', 'All content successfully removed'),
    finalizers.size > 0
      ? state(
          'NamespaceFinalizersRemaining',
          true,
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${listed(finalizers, 'in')}`,
        )
      : state(
          'NamespaceFinalizersRemaining',
          false,
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        ),
  ];
}
